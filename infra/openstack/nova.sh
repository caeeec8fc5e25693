# Sourced: Nova. Needs the settings of nova-up.sh.

start_nova() {
  local service
  for service in api conductor scheduler compute; do start_nova_service $service; done
  [ -z "$DECOY" ] || start_decoy
  await_http neutron "$NEUTRON_PORT" /
  await_http nova-api "$NOVA_PORT" /
  discover_compute
}

nova_command() {
  local module=$1
  shift
  $PYTHON -c "import sys; sys.argv[0] = 'nova-$module'; from nova.cmd.$module import main; main()" "$@"
}

start_nova_service() {
  local name=nova-$1 module=$1
  process_pid "$name" >/dev/null && return 0
  local more=()
  [ "$module" = api ] && { refuse_taken_port nova "$NOVA_PORT"; module=api_os_compute; }
  [ "$module" = compute ] && more=(--config-file "$STATE/conf/nova-compute.conf")
  start_process "$name" env "PYTHONPATH=$HERE/../nova/shoal_weigher" PYTHONDONTWRITEBYTECODE=1 \
    $PYTHON -c "import sys; sys.argv[0] = '$name'; from nova.cmd.$module import main; main()" \
    --config-file "$STATE/conf/nova.conf" "${more[@]}" --log-file "$STATE/log/$name-app.log"
}

# A second host, of Nova's own fake driver: one that has more of everything, and no image.
start_decoy() {
  process_pid nova-decoy >/dev/null && return 0
  sed -e "s/^host = .*/host = $DECOY/" -e 's/^compute_driver = .*/compute_driver = fake.FakeDriver/' \
    -e "s|^instances_path = .*|instances_path = $STATE/decoy|" -e "s|^state_path = .*|state_path = $STATE/decoy|" \
    "$STATE/conf/nova.conf" >"$STATE/conf/nova-decoy.conf"
  mkdir -p "$STATE/decoy"
  start_process nova-decoy env PYTHONDONTWRITEBYTECODE=1 \
    $PYTHON -c "import sys; sys.argv[0] = 'nova-compute'; from nova.cmd.compute import main; main()" \
    --config-file "$STATE/conf/nova-decoy.conf" --log-file "$STATE/log/nova-decoy-app.log"
}

# set_up_databases: tables of all services, and the cells of Nova, which know addresses of this instance.
set_up_databases() {
  [ -e "$STATE/nova/is-set-up" ] && return 0
  mkdir -p "$STATE/nova"
  if [ ! -e "$STATE/nova-databases-are-set-up" ]; then
    set_up nova_manage api_db sync
    set_up nova_manage cell_v2 map_cell0 --database_connection "$(database_url nova_cell0)"
    set_up nova_manage db sync
    set_up /usr/bin/placement-manage --config-file "$STATE/conf/placement/placement.conf" db sync
    set_up $PYTHON -c 'from neutron.db.migration.cli import main; main()' --config-file "$STATE/conf/neutron.conf" upgrade heads
    sql 'DELETE FROM nova_api.cell_mappings'
    save_databases
  fi
  set_up nova_manage cell_v2 map_cell0 --database_connection "$(database_url nova_cell0)"
  set_up nova_manage cell_v2 create_cell --name cell1
  touch "$STATE/nova/is-set-up"
}

nova_manage() { nova_command manage --config-file "$STATE/conf/nova.conf" "$@"; }

# set_up COMMAND...: its words are shown only when it fails.
set_up() {
  "$@" >>"$STATE/log/setup.log" 2>&1 && return 0
  echo "nova-up.sh: failed: $*" >&2
  tail -n 30 "$STATE/log/setup.log" >&2
  return 1
}

broker_url() { echo "rabbit://guest:guest@$(local_address):$BROKER_PORT/"; }

is_discovered() { grep -q "Creating host mapping for compute host '$1'" "$STATE/log/setup.log"; }

# discover_compute: until the compute services have told of themselves and the API knows them, at most 60 times.
discover_compute() {
  for _ in $(seq 60); do
    nova_manage cell_v2 discover_hosts --verbose >>"$STATE/log/setup.log" 2>&1 || true
    is_discovered "$HOST_NAME" && { [ -z "$DECOY" ] || is_discovered "$DECOY"; } && return 0
    process_pid nova-compute >/dev/null || break
    sleep 1
  done
  echo 'nova-up.sh: the compute service did not come up; the end of its log:' >&2
  tail -n 30 "$STATE/log/nova-compute-app.log" "$STATE/log/nova-compute.log" >&2
  return 1
}

write_nova_configuration() {
  cat >"$STATE/conf/nova-api-paste.ini" <<CONF
[composite:osapi_compute]
use = call:nova.api.openstack.urlmap:urlmap_factory
/: oscomputeversions
/v2.1: openstack_compute_api_v21
[composite:openstack_compute_api_v21]
use = call:nova.api.auth:pipeline_factory_v21
keystone = cors http_proxy_to_wsgi compute_req_id faultwrap request_log sizelimit osprofiler authtoken keystonecontext osapi_compute_app_v21
noauth2 = cors http_proxy_to_wsgi compute_req_id faultwrap request_log sizelimit osprofiler noauth2 osapi_compute_app_v21
[pipeline:oscomputeversions]
pipeline = cors faultwrap request_log http_proxy_to_wsgi oscomputeversionapp
[app:oscomputeversionapp]
paste.app_factory = nova.api.openstack.compute.versions:Versions.factory
[app:osapi_compute_app_v21]
paste.app_factory = nova.api.openstack.compute:APIRouterV21.factory
[filter:request_log]
paste.filter_factory = nova.api.openstack.requestlog:RequestLog.factory
[filter:compute_req_id]
paste.filter_factory = nova.api.compute_req_id:ComputeReqIdMiddleware.factory
[filter:faultwrap]
paste.filter_factory = nova.api.openstack:FaultWrapper.factory
[filter:osprofiler]
paste.filter_factory = nova.profiler:WsgiMiddleware.factory
[filter:sizelimit]
paste.filter_factory = oslo_middleware:RequestBodySizeLimiter.factory
[filter:http_proxy_to_wsgi]
paste.filter_factory = oslo_middleware.http_proxy_to_wsgi:HTTPProxyToWSGI.factory
[filter:cors]
paste.filter_factory = oslo_middleware.cors:filter_factory
oslo_config_project = nova
[filter:noauth2]
paste.filter_factory = nova.api.openstack.auth:NoAuthMiddleware.factory
[filter:keystonecontext]
paste.filter_factory = nova.api.auth:NovaKeystoneContext.factory
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
CONF
  local weighers=nova.scheduler.weights.all_weighers
  [ -n "$SEED_URL" ] && [ -z "$WITHOUT_WEIGHER" ] && weighers=$weighers,shoal_weigher.ShoalWeigher
  cat >"$STATE/conf/nova.conf" <<CONF
[DEFAULT]
host = $HOST_NAME
my_ip = $(local_address)
state_path = $STATE/nova
instances_path = $STATE/instances
transport_url = $(broker_url)
compute_driver = libvirt.LibvirtDriver
enabled_apis = osapi_compute
osapi_compute_listen = $HOST
osapi_compute_listen_port = $NOVA_PORT
osapi_compute_workers = 1
reserved_host_memory_mb = 0
reserved_host_disk_mb = 0
cpu_allocation_ratio = 64
ram_allocation_ratio = 8
disk_allocation_ratio = 64
force_config_drive = false
vif_plugging_is_fatal = false
vif_plugging_timeout = 0
use_stderr = false
debug = true
[wsgi]
api_paste_config = $STATE/conf/nova-api-paste.ini
[api_database]
connection = $(database_url nova_api)
[database]
connection = $(database_url nova)
[conductor]
workers = 1
[scheduler]
workers = 1
discover_hosts_in_cells_interval = -1
[filter_scheduler]
weight_classes = $weighers
enabled_filters = ComputeFilter,ImagePropertiesFilter
[shoal]
seed_url = $SEED_URL
token_file = $SEED_TOKEN_FILE
weight_multiplier = $WEIGHT_MULTIPLIER
[image_cache]
remove_unused_base_images = $([ "$IMAGE_CACHE" = own ] && echo false || echo true)
[oslo_concurrency]
lock_path = $STATE/nova/locks
[keystone_authtoken]
$(service_credentials)
[service_user]
send_service_user_token = false
[glance]
endpoint_override = $GLANCE_URL
num_retries = 1
[placement]
$(service_credentials)
endpoint_override = http://$(local_address):$PLACEMENT_PORT
[neutron]
$(service_credentials)
endpoint_override = http://$(local_address):$NEUTRON_PORT
[cinder]
$(service_credentials)
endpoint_template = http://$(local_address):8776/v3/%(project_id)s
[libvirt]
connection_uri = qemu+unix:///system?socket=$HYPERVISOR_SOCKET
virt_type = qemu
cpu_mode = none
images_type = qcow2
inject_partition = -2
[vnc]
enabled = false
[spice]
enabled = false
[serial_console]
enabled = false
[key_manager]
backend = nova.keymgr.conf_key_mgr.ConfKeyManager
fixed_key = 00000000000000000000000000000000
# As root nothing has to be asked for; a daemon of its own all the same, as in any Nova.
[nova_sys_admin]
helper_command = /usr/bin/privsep-helper --config-file $STATE/conf/nova.conf
[vif_plug_ovs_privileged]
helper_command = /usr/bin/privsep-helper --config-file $STATE/conf/nova.conf
[vif_plug_linux_bridge_privileged]
helper_command = /usr/bin/privsep-helper --config-file $STATE/conf/nova.conf
CONF
  # What a compute node has of its own.
  cat >"$STATE/conf/nova-compute.conf" <<CONF
[glance]
endpoint_override = ${GLANCE_ENDPOINT:-$GLANCE_URL}
CONF
  [ -n "$SEED_URL" ] || sed -i '/^seed_url = $/d; /^token_file = $/d' "$STATE/conf/nova.conf"
}
