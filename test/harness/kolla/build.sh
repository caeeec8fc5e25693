#!/bin/sh
# build.sh WORK: builds the images of infra/nova/kolla as kolla-build would, with buildah and on Debian, and prints the
# options that buildah needs to find them. What is Kolla's own (base, nova-scheduler, macros) is stood in for by what lies beside this file.
set -eu
work=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
options="--storage-driver overlay --root $work/images --runroot $work/run"
buildah() { command buildah $options "$@"; }
# How this machine reaches npm's registry is its own affair: nothing of it stays in an image.
mounts="--volume $work/npmrc:/root/.npmrc:ro"
mkdir -p "$work"
echo "registry=$(cd / && npm config get registry)" >"$work/npmrc"
certificates=${NODE_EXTRA_CA_CERTS:-$(cd / && npm config get cafile)}
if [ -r "$certificates" ]; then
  echo cafile=/certificates.crt >>"$work/npmrc"
  mounts="$mounts --volume $certificates:/certificates.crt:ro"
fi

mkdir -p "$work/docker"
[ -e "$work/debian.tar" ] || mmdebstrap --quiet --variant=apt --include=ca-certificates,python3 bookworm "$work/debian.tar"
container=$(buildah from scratch)
buildah add --quiet "$container" "$work/debian.tar" / >/dev/null
buildah commit --quiet --rm "$container" localhost/shoal-test-debian:latest >/dev/null

cp -R "$root/infra/nova/kolla/." "$here/macros.j2" "$here/base" "$here/nova-scheduler" "$work/docker/"
(cd "$root" && tar czf "$work/shoal.tar.gz" --exclude=node_modules --exclude=.git --exclude=./bench --exclude=./packages/dashboard/dist \
  --transform='s,^\.,shoal,' .)
sed -e "s,/var/tmp/shoal.tar.gz,$work/shoal.tar.gz," -e "s,/opt/shoal,$root," "$root/infra/nova/kolla/kolla-build.conf" >"$work/kolla-build.conf"
/usr/bin/python3 "$here/render.py" "$work/kolla-build.conf" "$work/docker/template-overrides.j2" "$work/docker"

for image in base shoal-base shoal-seed shoal-peer nova-scheduler; do
  # shellcheck disable=SC2086
  buildah build --isolation chroot $mounts --tag "localhost/shoal-test/$image:latest" "$work/docker/$image" >"$work/$image.log" 2>&1 || {
    tail -n 30 "$work/$image.log" >&2
    echo "$image cannot be built: $work/$image.log" >&2
    exit 1
  }
done
echo "$options"
