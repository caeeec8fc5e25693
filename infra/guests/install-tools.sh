#!/bin/sh
# Installs the Debian packages that building guests (or, with --boot, starting them, or, with --record, recording how they start) needs. Takes no time when all are there.
set -eu

case "${1:-}" in
  '') wanted='mmdebstrap fdisk grub-pc-bin e2fsprogs qemu-utils' ;;
  --boot) wanted='qemu-system-x86' ;;
  --record) wanted='qemu-system-x86 nbdkit' ;;
  *) echo "unknown argument $1. Usage: sh infra/guests/install-tools.sh [--boot|--record]" >&2; exit 2 ;;
esac
# shellcheck disable=SC2086
exec sh "$(dirname "$0")/../dev/install-packages.sh" $wanted
