#!/bin/sh
# Installs what `npm start` (or, with --test, `npm test`) needs on a fresh Debian machine with Node >= 20 and npm:
# the npm packages of package-lock.json, Debian's own packages and the built dashboard. Says nothing and takes no time when all is there.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'shoal setup: %s\n' "$*" >&2; }

# npm itself runs on the system's Node: node_modules/.bin/node is among what `npm ci` removes and writes anew.
without_local_bin() { printf '%s' "$PATH" | tr ':' '\n' | grep -v '/node_modules/\.bin$' | paste -sd: -; }

npm_is_current() {
  # npm writes this file last, so an installation that was interrupted is repeated.
  [ -e node_modules/.package-lock.json ] && [ -x node_modules/.bin/node ] &&
    ! [ package-lock.json -nt node_modules/.package-lock.json ]
}

install_npm_packages() {
  major=$(PATH=$(without_local_bin) node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
  if [ "$major" -lt 20 ]; then
    say "Node 20 or later is needed and this is ${major}. Install it (Debian: apt-get install nodejs npm) and try again."
    exit 1
  fi
  say 'installing the npm packages of package-lock.json, once'
  # Nobody's scripts run, but that of the runtime, which fetches the binary for this machine.
  if ! PATH=$(without_local_bin) npm ci --ignore-scripts --loglevel=error --no-fund --no-audit >&2 ||
    ! PATH=$(without_local_bin) npm rebuild node --loglevel=error >&2; then
    say 'npm ci failed; its messages are above. Correct the cause (network, registry, disk) and try again.'
    exit 1
  fi
  # A lock file from the future (a clock that was set back) must not make every run install again.
  npm_is_current || touch -r package-lock.json node_modules/.package-lock.json
}

debian_packages() {
  # e2fsprogs is on every Debian machine but not in every container.
  echo qemu-utils e2fsprogs
  [ "$1" = test ] || return 0
  echo xfsprogs iproute2 aria2 python3-libtorrent transmission-daemon transmission-cli python3-glance python3-keystone python3-nova uwsgi-core uwsgi-plugin-python3
  # Scrapes the services and tests the alert rules (promtool is in it).
  echo prometheus
  debian_browser
  # Machines that boot from what the block service shows.
  echo qemu-system-x86
  # Sets the clocks of services.
  echo faketime
  # Clients of the NBD server, and a server to measure it by.
  echo libnbd-bin fio nbdkit
  # A real image client: either will do.
  dpkg-query -W -f '${db:Status-Status}' python3-openstackclient 2>/dev/null | grep -qx installed ||
    echo python3-glanceclient
}

# The tests drive the dashboard in a browser; one that is there already will do.
debian_browser() { command -v chromium >/dev/null || echo chromium; }

missing_packages() {
  for package in $(debian_packages "$1"); do echo "$package"; done | sort >"$2/wanted"
  # shellcheck disable=SC2046
  dpkg-query -W -f '${Package} ${db:Status-Status}\n' $(cat "$2/wanted") 2>/dev/null |
    sed -n 's/ installed$//p' | sort >"$2/present"
  comm -23 "$2/wanted" "$2/present" | tr '\n' ' '
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@" >>"$log" 2>&1 </dev/null
}

install_debian_packages() {
  command_line="apt-get install -y --no-install-recommends $1"
  if [ "$(id -u)" != 0 ]; then
    say "these Debian packages are missing. Run this as root, then try again:"
    say "  apt-get update && $command_line"
    exit 1
  fi
  say "installing Debian packages: $1"
  log=$scratch/apt.log
  # The lists may be absent (containers) or older than the mirror, so a first failure is followed by an update.
  # shellcheck disable=SC2086
  if ! apt install --no-install-recommends $1 && ! { apt update && apt install --no-install-recommends $1; }; then
    tail -n 20 "$log" >&2
    say "apt-get failed; its last messages are above. Correct the cause and try again, or run: $command_line"
    exit 1
  fi
}

build_dashboard() {
  # Node 24 of node_modules runs the build, which looks by itself whether there is anything to do.
  if ! PATH=$PWD/node_modules/.bin:$PATH node packages/dashboard/build.ts --if-stale; then
    say 'the dashboard could not be built; its messages are above. Everything else works: set dashboard.enabled to false.'
    exit 1
  fi
}

mode=start
case "${1:-}" in
  '') ;;
  --test) mode=test ;;
  *) say "unknown argument $1. Usage: sh infra/setup.sh [--test]"; exit 2 ;;
esac

if ! npm_is_current; then
  # Two of these at once in one clone take turns; the second then finds nothing left to do.
  if command -v flock >/dev/null; then
    exec 9<package-lock.json
    flock -w 900 9 || { say 'another installation in this directory has not ended in 15 minutes.'; exit 1; }
  fi
  npm_is_current || install_npm_packages
fi

if command -v dpkg-query >/dev/null; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  missing=$(missing_packages "$mode" "$scratch")
  [ -z "$missing" ] || install_debian_packages "${missing% }"
elif ! command -v qemu-img >/dev/null || ! command -v mke2fs >/dev/null; then
  say 'qemu-img and mke2fs are needed. Install them with your package manager (QEMU tools, e2fsprogs) and try again.'
  exit 1
fi

build_dashboard
