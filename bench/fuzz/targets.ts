import { fuzzTargets as api } from '@shoal/api/fuzz'
import { fuzzTargets as core, type FuzzTarget } from '@shoal/core/fuzz'
import { fuzzTargets as library } from '@shoal/library/fuzz'
import { fuzzTargets as nbd } from '@shoal/nbd/fuzz'
import { fuzzTargets as openstack } from '@shoal/openstack/fuzz'
import { fuzzTargets as qcow2 } from '@shoal/qcow2/fuzz'
import { fuzzTargets as service } from '@shoal/service/fuzz'
import { openFuzzTargets as openSwarm } from '@shoal/swarm/fuzz'
import { fuzzTargets as trust } from '@shoal/trust/fuzz'

/** Every parser that faces a socket or a file. */
export function openTargets(): FuzzTarget[] {
  return [...openSwarm(), ...core, ...nbd, ...api, ...openstack, ...library, ...qcow2, ...service, ...trust]
}
