import type { Node, PlanSimulation, PrefetchImage, Simulate } from '@shoal/api'
import type { Clock, Digest } from '@shoal/core'
import type { Assignment, Demand, Placement, PlanLimits, PlannerInput } from '@shoal/planner'
import type { Catalogue } from '../images/catalogue.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import type { FleetView } from './fleet-view.ts'
import { layerPriorities } from './plan-claims.ts'
import { demandsOf, planLayer } from './plan-demands.ts'
import type { PlanImages } from './plan-images.ts'
import { outcomeOf, toApiSimulation } from './plan-outcome.ts'
import type { PlanOutcome, PlanRecord } from './plan-record.ts'
import { type PlanTargets, targetsOfPlan } from './plan-targets.ts'
import type { PlannerWorker } from './planner-worker.ts'

export interface PlanningDeps {
  readonly clock: Clock
  readonly registry: Pick<NodeRegistry, 'list' | 'get'>
  readonly catalogue: Pick<Catalogue, 'image' | 'layer' | 'layers'>
  readonly fleet: FleetView
  readonly images: PlanImages
  readonly worker: Pick<PlannerWorker, 'plan'>
}

/** What came of planning: what is told, what is wanted where, and the layers that it was about. */
export interface Planned {
  readonly outcome: PlanOutcome
  readonly simulation: PlanSimulation | null
  readonly targets: PlanTargets
  /** By image, of those that are there. */
  readonly chains: Readonly<Record<string, readonly Digest[]>>
  /** Sizes of the layers that are not there yet, by the digest that stands for them. Bytes. */
  readonly toCome: ReadonlyMap<Digest, number>
}

/** Asks the planner about a plan as things are now. What it said before stays as it is where nothing has changed. */
export async function planAnew(
  deps: PlanningDeps,
  plan: PlanRecord,
  options: { before: PlanTargets; isHere: (node: Node) => boolean; isStored: boolean; simulate?: Simulate | undefined },
): Promise<Planned> {
  const { clock, catalogue, registry, fleet, images } = deps
  const { before, isHere } = options
  const readiness = (wanted: PrefetchImage) => images.readiness(wanted, plan)
  const { demands, toCome } = demandsOf(plan.images, plan, readiness, (nodes, part) => fleet.nodesWithin(nodes, part))
  const published = catalogue.layers().filter(({ state }) => state === 'published')
  const nowMs = clock.now()
  const input: PlannerInput = {
    nowMs,
    fleet: fleet.fleet(options.isStored ? plan.id : null, demands, isHere),
    layers: [...published.map(planLayer), ...toCome],
    demands,
    limits: limitsOf(plan),
  }
  const previous = before.size === 0 ? undefined : previousPlan(plan, before, deps)
  const task = { input, previous, simulate: options.simulate }
  const { plan: found, simulation } = await deps.worker.plan(task)
  const nodes = registry.list()
  // What is not active is counted out, not waited for.
  const away = nodes.filter((node) => node.mode.mode === 'active' && !isHere(node)).map(({ id }) => id)
  const inactive = new Map(nodes.flatMap(({ id, mode }) => (mode.mode === 'active' ? [] : [[id, mode.mode] as const])))
  return {
    outcome: outcomeOf(found, nowMs, inactive),
    simulation: simulation === undefined ? null : toApiSimulation(simulation, nowMs),
    targets: targetsOfPlan(found, before, keptAway(plan, new Set(away))),
    chains: chainsOf(demands, new Set(toCome.map(({ digest }) => digest))),
    toCome: new Map(toCome.map(({ digest, sizeBytes }) => [digest, sizeBytes])),
  }
}

/** VMs of nodes that are away have got other places; what was wanted on certain nodes is wanted there when they are back. */
function keptAway({ images }: PlanRecord, away: ReadonlySet<string>): ReadonlySet<string> {
  return images.some(({ vms }) => vms === undefined) ? away : new Set()
}

function limitsOf({ limits }: PlanRecord): PlanLimits {
  const { bytesPerSecond, nodeBytesPerSecond } = limits
  return {
    ...(bytesPerSecond === null ? {} : { planBytesPerSecond: bytesPerSecond }),
    ...(nodeBytesPerSecond === null ? {} : { nodeDownBytesPerSecond: nodeBytesPerSecond }),
  }
}

function chainsOf(demands: readonly Demand[], toCome: ReadonlySet<Digest>): Record<string, readonly Digest[]> {
  const there = demands.filter(({ chain }) => chain.every((layer) => !toCome.has(layer)))
  return Object.fromEntries(there.map(({ id, chain }) => [id, chain]))
}

/** What the planner has said before, made from what is kept of it. */
function previousPlan(plan: PlanRecord, targets: PlanTargets, { catalogue }: PlanningDeps) {
  const priorities = layerPriorities(plan)
  const at = (time: string | null) => (time === null ? undefined : Date.parse(time))
  const times = {
    notBeforeMs: at(plan.notBefore),
    deadlineMs: at(plan.deadline),
    pinnedUntilMs: at(plan.pinnedUntil),
  }
  const assignments: Assignment[] = []
  for (const [node, { layers }] of targets) {
    for (const [layer, wave] of layers) {
      const priority = priorities.get(layer) ?? plan.priority
      const bootFirst = (catalogue.layer(layer)?.bootBytes ?? 0) > 0
      assignments.push({ node, layer, wave, priority, bootFirst, ...times })
    }
  }
  const placements = plan.placements.map(({ image, node, vms }): Placement => ({ demand: image, node, vms }))
  return { assignments, placements }
}
