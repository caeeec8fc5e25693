#!/bin/bash
# Ends what nova-up.sh started, machines too: nova-down.sh DIRECTORY
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -d "${1:-}" ] || { echo 'usage: nova-down.sh DIRECTORY' >&2; exit 2; }
STATE=$(cd "$1" && pwd)
# shellcheck source=/dev/null
. "$HERE/process.sh"
# shellcheck source=/dev/null
. "$HERE/hypervisor.sh"
for name in nova-compute nova-scheduler nova-conductor nova-api placement; do stop_process $name & done
wait
stop_machines
stop_process hypervisor
stop_process broker
