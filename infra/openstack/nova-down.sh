#!/bin/bash
# Ends what nova-up.sh started, machines too.
#
#   nova-down.sh DIRECTORY [nova-compute|nova-scheduler|nova-conductor|nova-api|nova-decoy|neutron|placement]...
#
# With names only those services end, and machines go on.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -d "${1:-}" ] || { echo 'usage: nova-down.sh DIRECTORY [SERVICE]...' >&2; exit 2; }
STATE=$(cd "$1" && pwd)
shift
BROKER_PORT=5672
for part in process hypervisor broker; do
  # shellcheck source=/dev/null
  . "$HERE/$part.sh"
done
for name in "${@:-nova-decoy}"; do
  case $name in
    nova-compute | nova-scheduler | nova-conductor | nova-api | nova-decoy | neutron | placement) stop_process "$name" & ;;
    *) echo "nova-down.sh: unknown service $name" >&2; exit 2 ;;
  esac
done
wait
[ $# -eq 0 ] || exit 0
for name in nova-compute nova-scheduler nova-conductor nova-api neutron placement; do stop_process $name & done
wait
stop_machines
stop_process hypervisor
stop_broker
stop_process database
