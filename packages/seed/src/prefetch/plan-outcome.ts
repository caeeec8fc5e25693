import type { NodeMode, PlanSimulation, PlanUnmet } from '@shoal/api'
import type { Plan, Simulation, Unmet } from '@shoal/planner'
import type { PlanOutcome } from './plan-record.ts'
import { reckonedTime } from './plan-request.ts'

const MAX_NODES_NAMED = 100
const MAX_UNMET = 1000

/** What the planner said, as the API tells it. It was not told of nodes that are `inactive`. */
export function outcomeOf(plan: Plan, nowMs: number, inactive: ReadonlyMap<string, NodeMode> = new Map()): PlanOutcome {
  const { finishMs, bytes } = plan.predicted
  return {
    prediction: {
      finishAt: reckonedTime(finishMs),
      seconds: finishMs === undefined ? null : Math.max(0, finishMs - nowMs) / 1000,
      fluidBoundSeconds: plan.fluidBound.seconds,
      limitedBy: plan.fluidBound.limitedBy,
      bytes: roundedBytes(bytes),
    },
    waves: plan.waves.map(({ wave, kind, layers, nodes, bytes: moved, opensMs, endsMs }) => {
      const times = { opensAt: reckonedTime(opensMs), endsAt: reckonedTime(endsMs) }
      return { wave, kind, layers: [...layers], nodes, bytes: Math.round(moved), ...times }
    }),
    placements: plan.placements.map(({ demand, node, vms }) => ({ image: demand, node, vms })),
    evictions: plan.evictions.map(({ node, bytes: evicted }) => ({ node, bytes: Math.ceil(evicted) })),
    unmet: plan.unmet.flatMap((unmet) => toApiUnmets(unmet, inactive)).slice(0, MAX_UNMET),
  }
}

export function toApiSimulation(simulation: Simulation, nowMs: number): PlanSimulation {
  const finishes = simulation.nodes.flatMap(({ finishMs }) => finishMs ?? []).sort((a, b) => a - b)
  const unfinishedNodes = simulation.nodes.length - finishes.length
  const seconds = (at: number | undefined) => (at === undefined ? null : Math.max(0, at - nowMs) / 1000)
  return {
    seconds: seconds(finishes.at(-1)),
    medianSeconds: seconds(finishes[Math.ceil(simulation.nodes.length / 2) - 1]),
    unfinishedNodes,
    seedCopies: simulation.seedCopies,
    crossRackCopies: simulation.crossRackCopies,
    bytes: roundedBytes(simulation.bytes),
  }
}

function toApiUnmets(unmet: Unmet, inactive: ReadonlyMap<string, NodeMode>): PlanUnmet[] {
  if (unmet.reason !== 'unknown-node' || inactive.size === 0) return [toApiUnmet(unmet)]
  const { true: known = [], false: unknown = [] } = Object.groupBy(unmet.nodes, (node) => `${inactive.has(node)}`)
  const [first] = known
  if (first === undefined) return [toApiUnmet(unmet)]
  const others = unknown.length === 0 ? [] : [toApiUnmet({ ...unmet, nodes: unknown })]
  const which = known.length === 1 ? `Node ${first} is ${inactive.get(first)}` : `${known.length} nodes are not active`
  const told: PlanUnmet = {
    image: unmet.demand,
    reason: 'inactive',
    message: `${which}; the others are planned, and it is planned for when active again.`,
    nodes: known.slice(0, MAX_NODES_NAMED),
    nodeCount: known.length,
    earliestAt: null,
  }
  return [told, ...others]
}

function toApiUnmet(unmet: Unmet): PlanUnmet {
  const nodes = nodesOf(unmet)
  return {
    image: unmet.demand,
    reason: unmet.reason,
    message: messageOf(unmet),
    nodes: nodes.slice(0, MAX_NODES_NAMED),
    nodeCount: nodes.length,
    earliestAt: unmet.reason === 'deadline' ? reckonedTime(unmet.earliestMs) : null,
  }
}

function nodesOf(unmet: Unmet): string[] {
  if (unmet.reason === 'disk') return unmet.nodes.map(({ node }) => node)
  if (unmet.reason === 'deadline') return [...unmet.lateNodes]
  return 'nodes' in unmet ? [...unmet.nodes] : []
}

function messageOf(unmet: Unmet): string {
  switch (unmet.reason) {
    case 'unknown-node':
      return `${count(unmet.nodes, 'node is', 'nodes are')} not registered; the others are planned.`
    case 'offline':
      return `${count(unmet.nodes, 'node sends', 'nodes send')} no heartbeats; they get it when they are back.`
    case 'disk': {
      const lacking = unmet.nodes.map(({ neededBytes, availableBytes }) => neededBytes - availableBytes)
      const most = Math.ceil(lacking.reduce((most, bytes) => Math.max(most, bytes), 0) / 1024 ** 2)
      const where = count(unmet.nodes, 'node has', 'nodes have')
      return `${where} no room, even if all goes that may go: up to ${most} MiB more are needed. It fits on ${unmet.nodesThatFit.length} others, which are planned.`
    }
    case 'places': {
      const reasons = `${unmet.offlineNodes} nodes are offline, ${unmet.fullNodes} have no room`
      return `There are places for ${unmet.placedVms} VMs and none for ${unmet.missingVms} (${reasons}); more VMs a node or a larger part of the fleet would help.`
    }
    case 'no-nodes':
      return 'No node is in that part of the fleet.'
    case 'no-source':
      return `Nobody can send it to ${count(unmet.nodes, 'node', 'nodes')}: a link or a limit on the way is zero.`
    case 'deadline':
      return `${unmet.nodesInTime} nodes have it in time, ${unmet.lateNodes.length} do not; all have it by ${reckonedTime(unmet.earliestMs) ?? 'no time that a clock shows'}, the nearest deadline that can be kept.`
  }
}

function count(nodes: readonly unknown[], one: string, many: string): string {
  return `${nodes.length} ${nodes.length === 1 ? one : many}`
}

function roundedBytes<T extends { readonly [K in keyof T]: number }>(bytes: T): T {
  return Object.fromEntries(Object.entries<number>(bytes).map(([name, value]) => [name, Math.round(value)])) as T
}
