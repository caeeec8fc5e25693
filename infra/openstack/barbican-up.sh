#!/bin/bash
# Adds a real Barbican, from Debian's packages, to the Keystone and Glance that up.sh brought up in a directory.
#
#   barbican-up.sh DIRECTORY [--port PORT]
#
# It keeps secrets in SQLite under a key of its own (simple_crypto), and is in the catalogue as key-manager. down.sh ends it with the others.
set -euo pipefail

usage() { sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
[ $# -ge 1 ] && [ -e "$1/settings.sh" ] || usage
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STATE=$(cd "$1" && pwd)
shift
BARBICAN_PORT=9311
if [ "${1:-}" = --port ]; then BARBICAN_PORT=$2; fi

PYTHON=/usr/bin/python3
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
unset PYTHONPATH PYTHONHOME http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
umask 077
# shellcheck source=/dev/null
for part in "$STATE/settings.sh" "$HERE/process.sh" "$HERE/packages.sh" "$HERE/placement.sh"; do . "$part"; done

install_debian_packages python3-barbican python3-castellan python3-cursive
mkdir -p "$STATE/barbican/.barbican"
URL=http://$(local_address):$BARBICAN_PORT
if [ ! -e "$STATE/barbican/.barbican/barbican.conf" ]; then
  cat >"$STATE/barbican/.barbican/barbican.conf" <<CONF
[DEFAULT]
log_file = $STATE/log/barbican-app.log
use_stderr = false
host_href = $URL
sql_connection = sqlite:///$STATE/barbican/barbican.db
db_auto_create = true
[keystone_authtoken]
$(service_credentials)
[secretstore]
enabled_secretstore_plugins = store_crypto
[crypto]
enabled_crypto_plugins = simple_crypto
[simple_crypto_plugin]
kek = $(head -c32 /dev/urandom | base64 -w0)
CONF
  cat >"$STATE/barbican/paste.ini" <<'CONF'
[composite:main]
use = egg:Paste#urlmap
/: versions
/v1: api
[pipeline:versions]
pipeline = versionapp
[app:versionapp]
paste.app_factory = barbican.api.app:create_version_app
[pipeline:api]
pipeline = authtoken context apiapp
[app:apiapp]
paste.app_factory = barbican.api.app:create_main_app
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
[filter:context]
paste.filter_factory = barbican.api.middleware.context:ContextMiddleware.factory
CONF
fi
if ! process_pid barbican >/dev/null; then
  refuse_taken_port barbican "$BARBICAN_PORT"
  # Barbican looks for its configuration in the home directory first.
  start_process barbican env "HOME=$STATE/barbican" "SHOAL_BARBICAN_PASTE=$STATE/barbican/paste.ini" PYTHONDONTWRITEBYTECODE=1 \
    /usr/bin/uwsgi_python3 --http-socket "$HOST:$BARBICAN_PORT" --wsgi-file "$HERE/wsgi/shoal_barbican.py" \
    --master --no-orphans --die-on-term --lazy-apps --enable-threads --need-app --processes 1 \
    --buffer-size 65535 --disable-logging --add-header 'Connection: close'
fi
answers() { (exec 3<>"/dev/tcp/$(local_address)/$BARBICAN_PORT") 2>/dev/null; }
for _ in $(seq 600); do
  answers && break
  process_pid barbican >/dev/null || { tail -n 20 "$STATE"/log/barbican*.log >&2; exit 1; }
  sleep 0.05
done
$PYTHON "$HERE/key_manager.py" "http://$(local_address):$KEYSTONE_PORT/v3" "$URL" adminpw
echo "export BARBICAN_URL=$URL"
