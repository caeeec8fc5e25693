#!/bin/sh
# Builds the base guest: a bootable Debian 12 on one ext4 partition, written without loop device or mount.
# Usage: build-base.sh DIRECTORY DISK_BYTES PACKAGE,PACKAGE... APT_SOURCE_LINE...
# Gives in DIRECTORY: base.qcow2, vmlinuz and initrd.img to boot without GRUB, lists.tar (apt's lists, for middles), installed-kib.
# Progress on stdout; what the tools say is in DIRECTORY/build.log.
set -eu
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || { echo 'building guests needs root, for a chroot' >&2; exit 1; }
# Whatever is mounted or started in here ends with the first process, however it ends.
[ "${SHOAL_GUESTS_INSIDE:-}" = 1 ] ||
  SHOAL_GUESTS_INSIDE=1 exec unshare --mount --mount-proc --uts --pid --fork --kill-child sh "$0" "$@"
umask 022
hostname guest

overlay=$(dirname "$(realpath "$0")")/overlay
directory=$(realpath "$1")
disk_bytes=$2
packages=$3
shift 3
root=$directory/root
disk=$directory/base.raw
log=$directory/build.log
# Of the file system; overlay/etc/fstab and grub.cfg name it.
uuid=7c9f8a52-3d4e-4b1a-9a64-5a0c1e2d3f40
partition_offset=1048576

install_system() {
  # Apt's lists stay, for what is installed into middles.
  mmdebstrap --quiet --mode=root --variant=minbase --dpkgopt=force-unsafe-io --skip=cleanup/apt/lists \
    --include="$packages" bookworm "$root" "$@" </dev/null
  rm -f "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
  tar -C "$root/var/lib/apt/lists" -cf "$directory/lists.tar" .
  find "$root/var/lib/apt/lists" -type f -delete
}

configure_system() {
  cp -R "$overlay/." "$root/"
  version=$(basename "$root"/boot/vmlinuz-* | cut -d- -f2-)
  sed -i "s/@version@/$version/" "$root/boot/grub/grub.cfg"
  cp "$root/boot/vmlinuz-$version" "$directory/vmlinuz"
  cp "$root/boot/initrd.img-$version" "$directory/initrd.img"
  chroot "$root" systemctl enable boot-report.service
  # What starts by the clock would differ from boot to boot.
  chroot "$root" systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
  chroot "$root" dpkg-query -W -f '${Installed-Size}\n' | awk '{ sum += $1 } END { print sum }' >"$directory/installed-kib"
}

write_disk() {
  truncate -s "$disk_bytes" "$disk"
  printf 'label: dos\nlabel-id: 0x53484f41\nstart=%s, type=83, bootable\n' $((partition_offset / 512)) | sfdisk --quiet "$disk"
  # GRUB 2.06 reads no file system with these two features.
  mke2fs -q -F -t ext4 -O '^metadata_csum_seed,^orphan_file' -U "$uuid" \
    -E "offset=$partition_offset,hash_seed=$uuid,root_owner=0:0,lazy_itable_init=0" \
    -d "$root" "$disk" "$(((disk_bytes - partition_offset) / 1024))k"
  # GRUB lies between the partition table and the partition: its first sector must not touch the table, which begins at byte 440.
  grub-mkimage --format=i386-pc --prefix='(hd0,msdos1)/boot/grub' --output="$directory/core.img" \
    biosdisk part_msdos ext2 linux normal configfile serial terminal
  dd if=/usr/lib/grub/i386-pc/boot.img of="$disk" bs=440 count=1 conv=notrunc status=none
  dd if="$directory/core.img" of="$disk" bs=512 seek=1 conv=notrunc status=none
  qemu-img convert -f raw -O qcow2 "$disk" "$directory/base.qcow2"
}

: >"$log"
echo 'installing Debian 12'
install_system "$@" >>"$log" 2>&1
echo 'configuring it'
configure_system >>"$log" 2>&1
echo 'writing the disk'
write_disk >>"$log" 2>&1
rm -rf --one-file-system "$root" "$disk" "$directory/core.img"
