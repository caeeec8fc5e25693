#!/bin/bash
# Ends what up.sh started.
#
#   down.sh DIRECTORY [glance|keystone] [--purge]
#
# Without a name both end, and Barbican (barbican-up.sh). --purge also removes the directory.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -d "${1:-}" ] || { echo "usage: down.sh DIRECTORY [glance|keystone] [--purge]" >&2; exit 2; }
STATE=$(cd "$1" && pwd)
shift
NAMES='' PURGE=''
for argument in "$@"; do
  case $argument in
    glance | keystone) NAMES="$NAMES $argument" ;;
    --purge) PURGE=1 ;;
    *) echo "down.sh: unknown argument $argument" >&2; exit 2 ;;
  esac
done

# shellcheck source=/dev/null
. "$HERE/process.sh"
for name in ${NAMES:-glance keystone barbican}; do stop_process "$name" & done
wait
if [ -n "$PURGE" ]; then
  # A mistyped directory must not be removed: only one that up.sh has made has this file.
  [ -e "$STATE/settings.sh" ] || { echo "down.sh: $STATE was not made by up.sh" >&2; exit 1; }
  rm -rf "$STATE"
fi
