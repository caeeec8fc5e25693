import type { DemandTarget } from './demand.ts'
import type { DiskRoom } from './disk-room.ts'
import type { FleetTable } from './fleet-table.ts'
import { matchesFilter } from './matches-filter.ts'
import type { PlacementScore } from './placement-score.ts'

/** What each further node of a rack is worth less: too little to outweigh bytes or load, enough to spread equals over racks. */
const RACK_SPREAD = 1e-6

export interface PlacementGround {
  readonly table: FleetTable
  readonly room: DiskRoom
  readonly score: PlacementScore
  /** By node; raised by the VMs that are placed. */
  readonly loads: Float64Array
}

export interface PlacedVms {
  readonly nodes: readonly { readonly node: number; readonly vms: number }[]
  readonly missingVms: number
  readonly offlineNodes: number
  readonly fullNodes: number
}

interface VmsDemand {
  readonly chain: readonly number[]
  readonly target: DemandTarget & { readonly kind: 'vms' }
  /** Names of nodes where its VMs went when it was planned before, in that order. */
  readonly before: readonly string[]
}

/** Chooses nodes for VMs whose number alone is given: where they went before if that still holds, then by score, spread over racks. */
export function placeVms(ground: PlacementGround, { chain, target, before }: VmsDemand): PlacedVms {
  const { table, room, loads } = ground
  const inReach = table.nodes.flatMap((node, index) => (matchesFilter(node, target.filter ?? {}) ? [index] : []))
  const alive = inReach.filter((node) => table.isAlive(node))
  const nodes: { node: number; vms: number }[] = []
  let [missingVms, fullNodes] = [target.vms, 0]
  for (const node of rankNodes(ground, chain, { alive, before })) {
    if (missingVms === 0) break
    if (!room.tryReserve(node, chain)) {
      fullNodes += 1
      continue
    }
    const vms = Math.min(missingVms, target.vmsPerNode)
    nodes.push({ node, vms })
    missingVms -= vms
    loads[node] = (loads[node] ?? 0) + vms
  }
  return { nodes, missingVms, offlineNodes: inReach.length - alive.length, fullNodes }
}

/** Within a rack nodes are taken by score, so the n-th of a rack is always worth the same less, and one sort spreads them. */
function rankNodes(
  { table, score, loads }: PlacementGround,
  chain: readonly number[],
  { alive, before }: { alive: readonly number[]; before: readonly string[] },
): number[] {
  const chainBytes = chain.reduce((sum, layer) => sum + table.sizeBytes(layer), 0)
  const turnBefore = new Map(before.map((name, turn) => [name, turn]))
  const ranked = alive.map((node) => {
    const { node: name = '', rack } = table.nodes[node] ?? {}
    let heldBytes = 0
    for (const layer of chain) heldBytes += table.heldBytes(layer, node)
    const worth = score({ node: name, rack, heldBytes, chainBytes, load: loads[node] ?? 0 })
    return { node, worth, turn: turnBefore.get(name) ?? before.length }
  })
  const byWorth = (a: (typeof ranked)[number], b: (typeof ranked)[number]) =>
    a.turn - b.turn || b.worth - a.worth || a.node - b.node
  ranked.sort(byWorth)
  const ofRack = new Map<number, number>()
  for (const one of ranked) {
    const rack = table.rackOf(one.node)
    const earlier = ofRack.get(rack) ?? 0
    one.worth -= earlier * RACK_SPREAD
    ofRack.set(rack, earlier + 1)
  }
  return ranked.sort(byWorth).map(({ node }) => node)
}
