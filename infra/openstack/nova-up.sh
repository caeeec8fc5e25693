#!/bin/bash
# Adds Nova to a Keystone and Glance that up.sh has brought up: API, conductor, scheduler, a compute service on libvirt with
# QEMU's own emulation, Placement, Neutron's server, MariaDB and RabbitMQ, from Debian's packages, as plain processes that live in one directory.
#
#   nova-up.sh DIRECTORY [--host-name NAME] [--glance-endpoint URL] [--seed-url URL] [--seed-token-file FILE]
#                        [--image-cache own|nova] [--weight-multiplier NUMBER] [--without-weigher] [--decoy NAME]
#
# --decoy adds a compute service of Nova's fake driver, with more of everything.
#
# Prints `export` lines; they are also in DIRECTORY/nova-env.sh. Run again it starts only what does not run, with the
# settings of the first time. End it with nova-down.sh, before down.sh. Needs root, and namespaces for mounts.
set -euo pipefail

usage() { sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
[ $# -ge 1 ] && [ "${1#-}" = "$1" ] || usage

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -e "$1/settings.sh" ] || { echo "nova-up.sh: run up.sh $1 first" >&2; exit 1; }
STATE=$(cd "$1" && pwd)
shift
# shellcheck source=/dev/null
. "$STATE/settings.sh"
[ "$MODE" = full ] || { echo 'nova-up.sh: Nova needs a Keystone: up.sh --mode full' >&2; exit 1; }

HOST_NAME=compute1 GLANCE_ENDPOINT='' SEED_URL='' SEED_TOKEN_FILE='' IMAGE_CACHE=nova WEIGHT_MULTIPLIER=2.5 WITHOUT_WEIGHER='' DECOY=''
NOVA_PORT=8774 PLACEMENT_PORT=8778 NEUTRON_PORT=9696 DATABASE_PORT=3306 BROKER_PORT=5672
# shellcheck source=/dev/null
[ -e "$STATE/nova-settings.sh" ] && . "$STATE/nova-settings.sh"
while [ $# -gt 0 ]; do
  case $1 in
    --without-weigher) WITHOUT_WEIGHER=1; shift; continue ;;
    --host-name | --glance-endpoint | --seed-url | --seed-token-file | --image-cache | --weight-multiplier | --decoy) [ $# -ge 2 ] || usage ;;
    *) usage ;;
  esac
  case $1 in
    --host-name) HOST_NAME=$2 ;;
    --glance-endpoint) GLANCE_ENDPOINT=$2 ;;
    --seed-url) SEED_URL=$2 ;;
    --seed-token-file) SEED_TOKEN_FILE=$2 ;;
    --image-cache) IMAGE_CACHE=$2 ;;
    --weight-multiplier) WEIGHT_MULTIPLIER=$2 ;;
    --decoy) DECOY=$2 ;;
  esac
  shift 2
done

PYTHON=/usr/bin/python3
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
unset PYTHONPATH PYTHONHOME http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy

umask 022
for part in process database database-server broker placement neutron hypervisor nova; do
  # shellcheck source=/dev/null
  . "$HERE/$part.sh"
done
sh "$HERE/../nova/install-tools.sh" --services >&2
for name in HOST_NAME GLANCE_ENDPOINT SEED_URL SEED_TOKEN_FILE IMAGE_CACHE WEIGHT_MULTIPLIER WITHOUT_WEIGHER DECOY; do
  printf '%s=%q\n' "$name" "${!name}"
done >"$STATE/nova-settings.sh"

trap 'status=$?; [ $status = 0 ] || "$HERE/nova-down.sh" "$STATE" >&2; exit $status' EXIT

start_broker
start_hypervisor
start_database_server
write_placement_configuration
write_neutron_configuration
write_nova_configuration
set_up_databases
start_placement
await_broker
start_neutron
start_nova

{
  echo "export NOVA_URL=http://$(local_address):$NOVA_PORT/v2.1"
  echo "export PLACEMENT_URL=http://$(local_address):$PLACEMENT_PORT"
  echo "export NOVA_INSTANCES=$STATE/instances"
} | tee "$STATE/nova-env.sh"
