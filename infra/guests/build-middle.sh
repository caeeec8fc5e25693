#!/bin/sh
# Changes a copy of the base guest's disk as its user would: packages are installed into the same file system, then it is a snapshot.
# Usage: build-middle.sh DIRECTORY BASE_DIRECTORY ARCHIVES NAME UNITS PACKAGE...
#   BASE_DIRECTORY  what build-base.sh gave    ARCHIVES  a directory of .deb files that middles share
#   UNITS           units, with blanks between them, whose state the guest tells when it is up; may be empty
# Gives in DIRECTORY: untrimmed.qcow2, where what was deleted is still in free blocks; flat.qcow2, the same with zeros there;
# installed-kib. Progress on stdout; what the tools say is in DIRECTORY/build.log.
set -eu
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || { echo 'building guests needs root, to mount a loop device' >&2; exit 1; }
# Whatever is mounted or started in here ends with the first process, however it ends.
[ "${SHOAL_GUESTS_INSIDE:-}" = 1 ] ||
  SHOAL_GUESTS_INSIDE=1 exec unshare --mount --mount-proc --uts --pid --fork --kill-child sh "$0" "$@"
umask 022
hostname guest

directory=$(realpath "$1")
base=$(realpath "$2")
archives=$(realpath "$3")
name=$4
units=$5
shift 5
root=$directory/root
disk=$directory/disk.raw
log=$directory/build.log
partition_offset=1048576

mount_disk() {
  # Without "discard", as in most clouds: what is deleted stays where it was. The loop device goes with the mount.
  mount -t ext4 -o "loop,offset=$partition_offset" "$disk" "$root"
}

in_guest() {
  DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" "$@" </dev/null
}

apt() {
  in_guest apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io -o Acquire::Retries=3 "$@"
}

installed_kib() {
  in_guest dpkg-query -W -f '${Installed-Size}\n' | awk '{ sum += $1 } END { print sum }'
}

# Packages that another middle has fetched are put where apt would have put them.
lend_archives() {
  apt -qq --print-uris install "$@" | awk '{ print $2 }' | while read -r archive; do
    if [ -e "$archives/$archive" ]; then cp "$archives/$archive" "$root/var/cache/apt/archives/"; fi
  done
}

keep_archives() {
  for archive in "$root"/var/cache/apt/archives/*.deb; do
    kept=$archives/$(basename "$archive")
    if [ -e "$archive" ] && ! [ -e "$kept" ]; then
      partial=$(mktemp "$archives/.partial-XXXXXX")
      cp "$archive" "$partial"
      mv "$partial" "$kept"
    fi
  done
}

install_packages() {
  mount_disk
  mount -t proc proc "$root/proc"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/run"
  mount --bind "$(realpath /etc/resolv.conf)" "$root/etc/resolv.conf"
  # Nothing is started while packages are installed.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  before=$(installed_kib)
  tar -C "$root/var/lib/apt/lists" -xf "$base/lists.tar"
  lend_archives "$@"
  # The base may be older than what the mirror has now.
  apt install "$@" || { apt update && apt install "$@"; }
  keep_archives
  # What every guide to small images says, and what leaves free blocks that are not zero.
  apt clean
  find "$root/var/lib/apt/lists" -type f -delete
  rm "$root/usr/sbin/policy-rc.d"
  in_guest systemd-machine-id-setup
  echo "$name" >"$root/etc/shoal-guest/layers/50-$name"
  echo "$units" >"$root/etc/shoal-guest/units"
  echo $(($(installed_kib) - before)) >"$directory/installed-kib"
  umount -R "$root"
}

trim() {
  mount_disk
  fstrim "$root"
  umount "$root"
}

to_qcow2() {
  qemu-img convert -f raw -O qcow2 "$disk" "$directory/$1.qcow2"
}

: >"$log"
mkdir "$root"
qemu-img convert -f qcow2 -O raw "$base/base.qcow2" "$disk" >>"$log" 2>&1
echo "installing $*"
install_packages "$@" >>"$log" 2>&1
echo 'taking the snapshot'
to_qcow2 untrimmed >>"$log" 2>&1
trim >>"$log" 2>&1
to_qcow2 flat >>"$log" 2>&1
rmdir "$root"
rm "$disk"
