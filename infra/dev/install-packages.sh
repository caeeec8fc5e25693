#!/bin/sh
# Installs Debian packages where they are missing: install-packages.sh PACKAGE... Takes no time when all are there.
set -eu

if ! command -v dpkg-query >/dev/null; then
  echo "these are packages of Debian, which this machine does not run: $*" >&2
  exit 1
fi

missing=
for package in "$@"; do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
command_line="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" != 0 ]; then
  printf 'these Debian packages are missing. Run as root, then try again:\n  apt-get update && %s\n' "$command_line" >&2
  exit 1
fi

echo "installing Debian packages:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@" >>"$log" 2>&1 </dev/null
}
# The lists may be absent or older than the mirror, so a first failure is followed by an update.
# shellcheck disable=SC2086
if ! apt install --no-install-recommends $missing && ! { apt update && apt install --no-install-recommends $missing; }; then
  tail -n 20 "$log" >&2
  echo "apt-get failed; its last messages are above. Correct the cause and try again, or run: $command_line" >&2
  exit 1
fi
