# Sourced: Neutron's server, without agents: Nova asks it for ports and security groups, also of machines that have none.
# Needs the settings of nova-up.sh.

write_neutron_configuration() {
  cat >"$STATE/conf/neutron-api-paste.ini" <<CONF
[composite:neutron]
use = egg:Paste#urlmap
/: neutronversions_composite
/v2.0: neutronapi_v2_0
[composite:neutronapi_v2_0]
use = call:neutron.auth:pipeline_factory
noauth = request_id catch_errors extensions neutronapiapp_v2_0
keystone = request_id catch_errors authtoken keystonecontext extensions neutronapiapp_v2_0
[composite:neutronversions_composite]
use = call:neutron.auth:pipeline_factory
noauth = neutronversions
keystone = neutronversions
[filter:request_id]
paste.filter_factory = oslo_middleware:RequestId.factory
[filter:catch_errors]
paste.filter_factory = oslo_middleware:CatchErrors.factory
[filter:keystonecontext]
paste.filter_factory = neutron.auth:NeutronKeystoneContext.factory
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
[filter:extensions]
paste.filter_factory = neutron.api.extensions:plugin_aware_extension_middleware_factory
[app:neutronversions]
paste.app_factory = neutron.pecan_wsgi.app:versions_factory
[app:neutronapiapp_v2_0]
paste.app_factory = neutron.api.v2.router:APIRouter.factory
CONF
  cat >"$STATE/conf/neutron.conf" <<CONF
[DEFAULT]
bind_host = $HOST
bind_port = $NEUTRON_PORT
core_plugin = ml2
service_plugins =
api_workers = 1
rpc_workers = 0
rpc_state_report_workers = 0
api_paste_config = $STATE/conf/neutron-api-paste.ini
transport_url = $(broker_url)
state_path = $STATE/neutron
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
use_stderr = false
[database]
connection = $(database_url neutron)
[keystone_authtoken]
$(service_credentials)
[oslo_concurrency]
lock_path = $STATE/neutron/locks
[ml2]
type_drivers = local
tenant_network_types = local
mechanism_drivers =
CONF
}

start_neutron() {
  process_pid neutron >/dev/null && return 0
  refuse_taken_port neutron "$NEUTRON_PORT"
  # A list of ports looks into tables of a plugin that is not loaded: all of them are made known.
  start_process neutron $PYTHON -c "import sys; sys.argv[0] = 'neutron-server'
from neutron.cmd.eventlet.server import main
import neutron.db.migration.models.head, sqlalchemy.orm
sqlalchemy.orm.configure_mappers()
main()" \
    --config-file "$STATE/conf/neutron.conf" --log-file "$STATE/log/neutron-app.log"
}
