import type { Demand, DemandTarget } from './demand.ts'
import type { DiskRoom } from './disk-room.ts'
import type { FleetTable } from './fleet-table.ts'
import { matchesFilter } from './matches-filter.ts'
import { type PlacementGround, placeVms } from './place-vms.ts'
import type { Placement } from './plan.ts'
import { compareTerms, type Terms } from './terms.ts'
import type { FullNode, Unmet } from './unmet.ts'

/** A demand and the nodes that are to serve it. */
export interface ServedDemand {
  readonly demand: Demand
  readonly chain: readonly number[]
  readonly terms: Terms
  readonly nodes: readonly number[]
}

export interface ServedDemands {
  readonly served: readonly ServedDemand[]
  readonly placements: readonly Placement[]
  readonly unmet: readonly Unmet[]
}

/** Finds the nodes of each demand and room for it on them, the most urgent demand first. */
export function serveDemands(
  ground: PlacementGround,
  demands: readonly Demand[],
  before: readonly Placement[],
): ServedDemands {
  const { table, room } = ground
  const placements: Placement[] = []
  const unmet: Unmet[] = []
  const placedBefore = Map.groupBy(before, ({ demand }) => demand)
  const served = inOrder(demands).map(({ demand, terms }): ServedDemand => {
    const chain = demand.chain.flatMap((digest) => table.layer(digest) ?? [])
    const { id, target } = demand
    if (target.kind !== 'vms') {
      const found = serveNodes(table, room, { id, chain, target })
      unmet.push(...found.unmet)
      return { demand, chain, terms, nodes: found.nodes }
    }
    const names = placedBefore.get(id)?.map(({ node }) => node) ?? []
    const { nodes, missingVms, offlineNodes, fullNodes } = placeVms(ground, { chain, target, before: names })
    placements.push(...nodes.map(({ node, vms }) => ({ demand: id, node: table.nameOf(node), vms })))
    const placedVms = target.vms - missingVms
    if (missingVms > 0) {
      unmet.push({ demand: id, reason: 'places', missingVms, placedVms, offlineNodes, fullNodes })
    }
    return { demand, chain, terms, nodes: nodes.map(({ node }) => node) }
  })
  return { served, placements, unmet }
}

/** Sorting is stable: among equally urgent demands the one that was given first. */
function inOrder(demands: readonly Demand[]) {
  const withTerms = demands.map((demand) => {
    const { priority, notBeforeMs = Number.NEGATIVE_INFINITY } = demand
    const { deadlineMs = Number.POSITIVE_INFINITY, pinnedUntilMs = Number.POSITIVE_INFINITY } = demand
    return { demand, terms: { priority, notBeforeMs, deadlineMs, pinnedUntilMs } }
  })
  return withTerms.sort((a, b) => compareTerms(a.terms, b.terms))
}

interface NodesDemand {
  readonly id: string
  readonly chain: readonly number[]
  readonly target: Exclude<DemandTarget, { kind: 'vms' }>
}

function serveNodes(table: FleetTable, room: DiskRoom, { id, chain, target }: NodesDemand) {
  const [unknown, offline, full]: [string[], string[], FullNode[]] = [[], [], []]
  const nodes: number[] = []
  const names =
    target.kind === 'nodes'
      ? new Set(target.nodes)
      : table.nodes.flatMap((node) => (matchesFilter(node, target.filter) ? [node.node] : []))
  for (const name of names) {
    const node = table.node(name)
    if (node === undefined) unknown.push(name)
    else if (!table.isAlive(node)) offline.push(name)
    else if (room.tryReserve(node, chain)) nodes.push(node)
    else full.push({ node: name, ...room.measure(node, chain) })
  }
  const unmet: Unmet[] = []
  if (unknown.length > 0) unmet.push({ demand: id, reason: 'unknown-node', nodes: unknown })
  if (offline.length > 0) unmet.push({ demand: id, reason: 'offline', nodes: offline })
  const nodesThatFit = full.length === 0 ? [] : nodes.map((node) => table.nameOf(node))
  if (full.length > 0) unmet.push({ demand: id, reason: 'disk', nodes: full, nodesThatFit })
  if (nodes.length + offline.length + unknown.length + full.length === 0) unmet.push({ demand: id, reason: 'no-nodes' })
  return { nodes, unmet }
}
