# Sourced: Glance with SQLite and the file store. Needs the settings of up.sh.

start_glance() {
  process_pid glance >/dev/null && return 0
  refuse_taken_port glance "$GLANCE_PORT"
  write_glance_configuration
  local database=$STATE/glance.db template
  if [ ! -e "$database" ]; then
    template=$(template_path python3-glance)
    if [ -e "$template" ]; then
      cp "$template" "$database"
    else
      $PYTHON -c 'from glance.cmd.manage import main; main()' --config-file "$STATE/conf/glance-api.conf" db sync \
        >>"$STATE/log/setup.log" 2>&1
      use_write_ahead_log "$database"
      save_template python3-glance "$database"
    fi
  fi
  # The filters write one line a request there (wsgi/shoal_wsgi.py).
  local environment=(env "PYTHONPATH=$HERE/wsgi" "PYTHONDONTWRITEBYTECODE=1" "SHOAL_ACCESS_LOG=$STATE/log/access.jsonl")
  case $RUNNER in
    eventlet)
      start_process glance "${environment[@]}" \
        $PYTHON -c 'from glance.cmd.api import main; main()' --config-file "$STATE/conf/glance-api.conf"
      ;;
    uwsgi)
      # The options of Debian's glance-api-uwsgi.ini that decide what a client sees; it strips Content-Length too.
      local strip=()
      [ -n "$STRIP_CONTENT_LENGTH" ] && strip=(--rem-header Content-Length)
      start_process glance "${environment[@]}" "OS_GLANCE_CONFIG_DIR=$STATE/conf" \
        /usr/bin/uwsgi_python3 --http-socket "$HOST:$GLANCE_PORT" --module 'glance.common.wsgi_app:init_app()' \
        --master --no-orphans --die-on-term --lazy-apps --enable-threads --need-app --thunder-lock \
        --processes "$WORKERS" --threads 32 --buffer-size 65535 --listen 100 --socket-timeout "$STALL_TIMEOUT" --disable-logging \
        --add-header 'Connection: close' "${strip[@]}"
      ;;
  esac
}

write_glance_configuration() {
  local authentication=fakeauth
  [ "$MODE" = full ] && authentication=authtoken
  cat >"$STATE/conf/glance-api-paste.ini" <<CONF
[pipeline:glance-api]
pipeline = healthcheck accesslog versionnegotiation $authentication context rootapp
[composite:rootapp]
paste.composite_factory = glance.api:root_app_factory
/: apiversions
/v2: apiv2app
[app:apiversions]
paste.app_factory = glance.api.versions:create_resource
[app:apiv2app]
paste.app_factory = glance.api.v2.router:API.factory
[filter:healthcheck]
paste.filter_factory = oslo_middleware:Healthcheck.factory
[filter:versionnegotiation]
paste.filter_factory = glance.api.middleware.version_negotiation:VersionNegotiationFilter.factory
[filter:context]
paste.filter_factory = glance.api.middleware.context:ContextMiddleware.factory
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
delay_auth_decision = true
[filter:accesslog]
paste.filter_factory = shoal_wsgi:access_log_factory
[filter:fakeauth]
paste.filter_factory = shoal_wsgi:fake_auth_factory
CONF
  # workers 0 is "in this process", which starts sooner than one child does.
  cat >"$STATE/conf/glance-api.conf" <<CONF
[DEFAULT]
bind_host = $HOST
bind_port = $GLANCE_PORT
workers = $([ "$WORKERS" = 1 ] && echo 0 || echo "$WORKERS")
backlog = 4096
log_file = $STATE/log/glance-app.log
use_stderr = false
enabled_backends = fs:file
node_staging_uri = file://$STATE/tmp/staging
[database]
connection = sqlite:///$STATE/glance.db
sqlite_synchronous = false
[glance_store]
default_backend = fs
[fs]
filesystem_store_datadir = $STATE/images
[os_glance_staging_store]
filesystem_store_datadir = $STATE/tmp/staging
[os_glance_tasks_store]
filesystem_store_datadir = $STATE/tmp/tasks
[paste_deploy]
config_file = $STATE/conf/glance-api-paste.ini
[oslo_concurrency]
lock_path = $STATE/tmp
[keystone_authtoken]
www_authenticate_uri = $KEYSTONE_URL/v3
auth_url = http://$(local_address):$KEYSTONE_PORT/v3
auth_type = password
project_domain_id = default
user_domain_id = default
project_name = service
username = glance
password = glancepw
CONF
}
