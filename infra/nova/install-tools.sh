#!/bin/sh
# Installs the Debian packages that tests in Nova's own code need; with --services, those to run all of Nova. Takes no time when all are there.
set -eu

case "${1:-}" in
  '') wanted='python3-nova qemu-utils' ;;
  --services) wanted='python3-nova python3-placement python3-neutron rabbitmq-server mariadb-server-core mariadb-client-core python3-pymysql libvirt-daemon-system libvirt-clients python3-libvirt qemu-system-x86 qemu-utils' ;;
  *) echo "unknown argument $1. Usage: sh infra/nova/install-tools.sh [--services]" >&2; exit 2 ;;
esac
# shellcheck disable=SC2086
exec sh "$(dirname "$0")/../dev/install-packages.sh" $wanted
