import type { Flavor } from './request-trace.ts'
import type { SimulatedNode } from './simulated-node.ts'

type UsedNode = Pick<SimulatedNode, 'usedRamGiB' | 'vms'>

const FADES_OVER = 0.5

/** How much a score counts on a host, 0 to 1: infra/nova/shoal_weigher/shoal_weigher/balance.py, for hosts of one size. */
export function balanceOf(
  cloud: { readonly nodes: readonly UsedNode[] },
  hosts: readonly number[],
  { flavor }: { readonly flavor: Pick<Flavor, 'ramGiB'> },
): (node: UsedNode) => number {
  let [usedGiB, vms] = [0, 0]
  for (const host of hosts) {
    usedGiB += cloud.nodes[host]?.usedRamGiB ?? 0
    vms += cloud.nodes[host]?.vms ?? 0
  }
  if (vms === 0) return () => 1
  const [vmGiB, meanGiB] = [usedGiB / vms, usedGiB / hosts.length]
  const ofSize = Math.min(1, vmGiB / flavor.ramGiB)
  const fadesOverGiB = FADES_OVER * meanGiB + vmGiB
  return ({ usedRamGiB }) => ofSize * Math.min(1, Math.max(0, 1 - (usedRamGiB - meanGiB) / fadesOverGiB))
}
