# Sourced: Keystone with SQLite and Fernet tokens under uwsgi, its users and its catalogue. Needs the settings of up.sh.

start_keystone() {
  process_pid keystone >/dev/null && return 0
  refuse_taken_port keystone "$KEYSTONE_PORT"
  write_keystone_configuration
  local database=$STATE/keystone/keystone.db template keys
  if [ ! -e "$database" ]; then
    # What `keystone-manage fernet_setup` and `credential_setup` write: URL-safe base64 of 32 bytes.
    for keys in fernet credential; do
      mkdir -p "$STATE/keystone/$keys"
      for number in 0 1; do
        head -c32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' >"$STATE/keystone/$keys/$number"
      done
    done
    template=$(template_path python3-keystone)
    if [ -e "$template" ]; then
      cp "$template" "$database"
      touch "$STATE/keystone/provisioned"
      # The template names the addresses of the instance it was made by.
      $PYTHON "$HERE/catalogue.py" "$database" "$KEYSTONE_URL/v3/" "$GLANCE_URL"
    else
      local manage=(/usr/bin/keystone-manage --config-file "$STATE/conf/keystone.conf")
      {
        "${manage[@]}" db_sync
        use_write_ahead_log "$database"
        "${manage[@]}" bootstrap --bootstrap-password adminpw --bootstrap-region-id RegionOne \
          --bootstrap-admin-url "$KEYSTONE_URL/v3/" --bootstrap-internal-url "$KEYSTONE_URL/v3/" \
          --bootstrap-public-url "$KEYSTONE_URL/v3/"
      } >>"$STATE/log/setup.log" 2>&1
    fi
  fi
  # One process: its memory cache (26 times cheaper checks) would not be coherent over several.
  start_process keystone env "OS_KEYSTONE_CONFIG_DIR=$STATE/conf" \
    /usr/bin/uwsgi_python3 --http-socket "$HOST:$KEYSTONE_PORT" --wsgi-file /usr/bin/keystone-wsgi-public \
    --master --no-orphans --die-on-term --lazy-apps --enable-threads --need-app --processes 1 \
    --buffer-size 65535 --listen 100 --disable-logging --add-header 'Connection: close'
}

# Projects, users, roles and the image endpoint, by plain REST: each call of the client would take seconds.
provision_keystone() {
  await_http keystone "$KEYSTONE_PORT" /v3
  [ -e "$STATE/keystone/provisioned" ] && return 0
  $PYTHON "$HERE/provision.py" "http://$(local_address):$KEYSTONE_PORT/v3" "$GLANCE_URL" adminpw \
    >>"$STATE/log/setup.log" 2>&1 || { tail -n 5 "$STATE/log/setup.log" >&2; return 1; }
  save_template python3-keystone "$STATE/keystone/keystone.db"
  touch "$STATE/keystone/provisioned"
}

write_keystone_configuration() {
  cat >"$STATE/conf/keystone.conf" <<CONF
[DEFAULT]
log_file = $STATE/log/keystone-app.log
use_stderr = false
max_param_size = 255
[database]
connection = sqlite:///$STATE/keystone/keystone.db
sqlite_synchronous = false
[token]
provider = fernet
expiration = $TOKEN_TTL
[fernet_tokens]
key_repository = $STATE/keystone/fernet
[fernet_receipts]
key_repository = $STATE/keystone/fernet
[credential]
key_repository = $STATE/keystone/credential
[cache]
enabled = true
backend = dogpile.cache.memory
[identity]
password_hash_rounds = 4
CONF
}

# env.sh on standard output, and clouds.yaml with one cloud for each user.
write_client_files() {
  echo "export GLANCE_URL=$GLANCE_URL"
  if [ "$MODE" = full ]; then
    echo "export OS_AUTH_URL=$KEYSTONE_URL/v3 OS_IDENTITY_API_VERSION=3 OS_REGION_NAME=RegionOne"
    echo "export OS_USER_DOMAIN_ID=default OS_PROJECT_DOMAIN_ID=default"
    echo "export OS_USERNAME=admin OS_PASSWORD=adminpw OS_PROJECT_NAME=admin"
    {
      echo 'clouds:'
      for user in admin:admin demo:demo other:other glance:service nova:service; do
        cat <<CLOUD
  ${user%%:*}:
    region_name: RegionOne
    auth:
      auth_url: $KEYSTONE_URL/v3
      username: ${user%%:*}
      password: ${user%%:*}pw
      project_name: ${user##*:}
      user_domain_id: default
      project_domain_id: default
CLOUD
      done
    } >"$STATE/clouds.yaml"
  else
    echo "export OS_AUTH_TYPE=admin_token OS_ENDPOINT=$GLANCE_URL/v2 OS_TOKEN=admin:adminproject:admin"
  fi
  echo "export no_proxy=$HOST,127.0.0.1,localhost NO_PROXY=$HOST,127.0.0.1,localhost"
}
