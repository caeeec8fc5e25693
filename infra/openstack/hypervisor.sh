# Sourced: a libvirtd of our own, whose directories no other sees. Needs STATE.

HYPERVISOR_SOCKET=$STATE/libvirt/run/libvirt-sock

start_hypervisor() {
  process_pid hypervisor >/dev/null && return 0
  mkdir -p "$STATE"/libvirt/{etc,lib,run,cache,log} "$STATE/instances"/{_base,locks}
  cat >"$STATE/libvirt/etc/libvirtd.conf" <<CONF
unix_sock_group = "root"
auth_unix_rw = "none"
log_outputs = "2:stderr"
CONF
  # Machines run as root here: nothing is to be given away, and no security driver is set up.
  cat >"$STATE/libvirt/etc/qemu.conf" <<CONF
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
CONF
  # libvirt knows its directories from when it was built: in a mount namespace they are ours.
  # shellcheck disable=SC2016
  start_process hypervisor unshare --mount --propagation private bash -c '
    set -e
    mkdir -p /etc/libvirt /var/lib/libvirt /run/libvirt /var/cache/libvirt /var/log/libvirt
    mount --bind "$0/etc" /etc/libvirt
    mount --bind "$0/lib" /var/lib/libvirt
    mount --bind "$0/run" /run/libvirt
    mount --bind "$0/cache" /var/cache/libvirt
    mount --bind "$0/log" /var/log/libvirt
    exec /usr/sbin/libvirtd --pid-file "$0/run/libvirtd.pid"' "$STATE/libvirt"
  for _ in $(seq 300); do
    [ -S "$HYPERVISOR_SOCKET" ] && return 0
    process_pid hypervisor >/dev/null || break
    sleep 0.1
  done
  echo 'nova-up.sh: libvirtd does not listen; the end of its log:' >&2
  tail -n 20 "$STATE/log/hypervisor.log" >&2
  return 1
}

# stop_machines: ends what QEMU runs there.
stop_machines() {
  process_pid hypervisor >/dev/null || return 0
  local uri="qemu+unix:///system?socket=$HYPERVISOR_SOCKET" name
  for name in $(virsh -c "$uri" list --name 2>/dev/null); do virsh -c "$uri" destroy "$name" >/dev/null 2>&1 || true; done
}
