import type { PlacementScore } from '@shoal/scheduler'
import type { DemandTarget } from './demand.ts'
import type { DiskRoom } from './disk-room.ts'
import type { FleetTable } from './fleet-table.ts'
import { matchesFilter } from './matches-filter.ts'

/**
 * What each further node of a rack is worth less: too little to outweigh bytes or load, enough to spread equals over
 * racks.
 */
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

/**
 * Chooses nodes for VMs whose number alone is given: where they went before if that still holds, then by score, spread
 * over racks.
 */
export function placeVms(ground: PlacementGround, { chain, target, before }: VmsDemand): PlacedVms {
  const { table, room, loads } = ground
  const alive: number[] = []
  let offlineNodes = 0
  for (const [index, node] of table.nodes.entries()) {
    if (!matchesFilter(node, target.filter ?? {})) continue
    if (node.isAlive) alive.push(index)
    else offlineNodes += 1
  }
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
  return { nodes, missingVms, offlineNodes, fullNodes }
}

/**
 * Within a rack nodes are taken by score, so the n-th of a rack is always worth the same less, and one sort spreads
 * them.
 */
function rankNodes(
  { table, score, loads }: PlacementGround,
  chain: readonly number[],
  { alive, before }: { alive: readonly number[]; before: readonly string[] },
): number[] {
  const chainBytes = chain.reduce((sum, layer) => sum + table.sizeBytes(layer), 0)
  const worth = new Float64Array(table.nodes.length)
  for (const node of alive) {
    const { node: name = '', rack } = table.nodes[node] ?? {}
    let heldBytes = 0
    for (const layer of chain) heldBytes += table.heldBytes(layer, node)
    worth[node] = score({ node: name, rack, heldBytes, chainBytes, load: loads[node] ?? 0 })
  }
  const turn = new Int32Array(table.nodes.length).fill(before.length)
  for (const [index, name] of before.entries()) turn[table.node(name) ?? -1] = index
  const byWorth = (a: number, b: number) =>
    (turn[a] ?? 0) - (turn[b] ?? 0) || (worth[b] ?? 0) - (worth[a] ?? 0) || a - b
  for (const inRack of Map.groupBy(alive, (node) => table.rackOf(node)).values()) {
    for (const [earlier, node] of inRack.sort(byWorth).entries())
      worth[node] = (worth[node] ?? 0) - earlier * RACK_SPREAD
  }
  return alive.toSorted(byWorth)
}
