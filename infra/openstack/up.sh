#!/bin/bash
# Brings up a real Keystone and Glance, from Debian's packages, as plain processes that live in one directory.
#
#   up.sh DIRECTORY [--mode full|fakeauth] [--host ADDRESS] [--glance-port PORT] [--keystone-port PORT]
#                   [--glance-url URL] [--keystone-url URL] [--runner eventlet|uwsgi] [--workers COUNT]
#                   [--token-ttl SECONDS] [--stall-timeout SECONDS] [--strip-content-length]
#
# Prints `export` lines for OpenStack clients; they are also in DIRECTORY/env.sh, and clouds.yaml is beside it.
# Run again on the same directory it starts only what does not run, with the settings of the first time.
# README.md says what each option means. End it with down.sh.
set -euo pipefail

usage() { sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
[ $# -ge 1 ] && [ "${1#-}" = "$1" ] || usage

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
DIRECTORY=$1
shift

MODE=full HOST=127.0.0.1 GLANCE_PORT=9292 KEYSTONE_PORT=5000 GLANCE_URL='' KEYSTONE_URL=''
RUNNER=eventlet WORKERS=2 TOKEN_TTL=3600 STALL_TIMEOUT=10 STRIP_CONTENT_LENGTH=''
# shellcheck source=/dev/null
[ -e "$DIRECTORY/settings.sh" ] && . "$DIRECTORY/settings.sh"

while [ $# -gt 0 ]; do
  case $1 in
    --strip-content-length) STRIP_CONTENT_LENGTH=1; shift; continue ;;
    --mode | --host | --glance-port | --keystone-port | --glance-url | --keystone-url | --runner | --workers | --token-ttl | --stall-timeout)
      [ $# -ge 2 ] || usage ;;
    *) usage ;;
  esac
  case $1 in
    --mode) MODE=$2 ;;
    --host) HOST=$2 ;;
    --glance-port) GLANCE_PORT=$2 ;;
    --keystone-port) KEYSTONE_PORT=$2 ;;
    --glance-url) GLANCE_URL=$2 ;;
    --keystone-url) KEYSTONE_URL=$2 ;;
    --runner) RUNNER=$2 ;;
    --workers) WORKERS=$2 ;;
    --token-ttl) TOKEN_TTL=$2 ;;
    --stall-timeout) STALL_TIMEOUT=$2 ;;
  esac
  shift 2
done
case $MODE in full | fakeauth) ;; *) usage ;; esac
case $RUNNER in eventlet | uwsgi) ;; *) usage ;; esac

# Debian's Python must run Debian's packages: another python3 may come first on the PATH of a developer.
PYTHON=/usr/bin/python3
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
unset PYTHONPATH PYTHONHOME
# Everything here is local; a proxy named by the environment would be asked for it otherwise.
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy

umask 077
STATE=$(mkdir -p "$DIRECTORY" && cd "$DIRECTORY" && pwd)
mkdir -p "$STATE"/{conf,log,run,keystone,images,tmp/staging,tmp/tasks}
for part in process packages database glance keystone; do
  # shellcheck source=/dev/null
  . "$HERE/$part.sh"
done
: "${GLANCE_URL:=http://$(local_address):$GLANCE_PORT}" "${KEYSTONE_URL:=http://$(local_address):$KEYSTONE_PORT}"

install_packages
for name in MODE HOST GLANCE_PORT KEYSTONE_PORT GLANCE_URL KEYSTONE_URL RUNNER WORKERS TOKEN_TTL STALL_TIMEOUT \
  STRIP_CONTENT_LENGTH; do
  printf '%s=%q\n' "$name" "${!name}"
done >"$STATE/settings.sh"

# From here on a failure ends everything: half a cloud would only confuse.
trap 'status=$?; [ $status = 0 ] || "$HERE/down.sh" "$STATE" >&2; exit $status' EXIT

# The two start side by side: Glance asks Keystone for nothing until a token has to be checked.
start_glance &
glance_job=$!
[ "$MODE" = full ] && start_keystone
wait $glance_job
[ "$MODE" = full ] && provision_keystone
await_http glance "$GLANCE_PORT" /healthcheck

write_client_files >"$STATE/env.sh"
cat "$STATE/env.sh"
