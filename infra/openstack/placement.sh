# Sourced: Placement under uwsgi. Needs the settings of up.sh, PLACEMENT_PORT.

write_placement_configuration() {
  mkdir -p "$STATE/conf/placement"
  cat >"$STATE/conf/placement/placement.conf" <<CONF
[DEFAULT]
log_file = $STATE/log/placement-app.log
use_stderr = false
[placement_database]
connection = $(database_url placement)
[api]
auth_strategy = keystone
[keystone_authtoken]
$(service_credentials)
CONF
}

start_placement() {
  process_pid placement >/dev/null && return 0
  start_process placement env "OS_PLACEMENT_CONFIG_DIR=$STATE/conf/placement" \
    /usr/bin/uwsgi_python3 --http-socket "$HOST:$PLACEMENT_PORT" --wsgi-file /usr/bin/placement-api \
    --master --no-orphans --die-on-term --lazy-apps --enable-threads --need-app --processes 1 --threads 4 \
    --buffer-size 65535 --disable-logging --add-header 'Connection: close'
  await_http placement "$PLACEMENT_PORT" /
}

# service_credentials: how a service asks Keystone, as lines of a configuration file.
service_credentials() {
  cat <<CONF
www_authenticate_uri = $KEYSTONE_URL/v3
auth_url = http://$(local_address):$KEYSTONE_PORT/v3
auth_type = password
project_domain_id = default
user_domain_id = default
project_name = admin
username = admin
password = adminpw
CONF
}
