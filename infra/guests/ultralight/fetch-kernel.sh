#!/bin/sh
# Puts vmlinuz, modules/*.ko and a static busybox into a directory, out of Debian's packages, which are not installed.
# Usage: fetch-kernel.sh DIRECTORY
set -eu
directory=$(realpath "$1")
packages=$directory/packages
command -v apt-get >/dev/null || { echo 'the ultralight guest is built on Debian only, whose kernel it has' >&2; exit 1; }

fetch() {
  kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends:/ { print $2; exit }')
  # As root apt would fetch as another user, to whom this directory is closed.
  [ -n "$kernel" ] && (cd "$packages" && apt-get -qq -o APT::Sandbox::User=root -o Acquire::Retries=3 download "$kernel" busybox-static)
}

mkdir "$packages"
echo 'fetching a kernel and busybox'
fetch >"$directory/build.log" 2>&1 || { apt-get -q update && fetch; } >>"$directory/build.log" 2>&1
for package in "$packages"/*.deb; do dpkg-deb -x "$package" "$packages/files"; done
mkdir "$directory/modules"
find "$packages/files" -path '*/kernel/drivers/*' -name 'virtio*.ko' -exec mv {} "$directory/modules/" ';'
mv "$packages"/files/boot/vmlinuz-* "$directory/vmlinuz"
mv "$packages/files/bin/busybox" "$directory/busybox"
rm -rf "$packages"
