import { seededRandom } from '@shoal/core'
import { checkInput } from './check-input.ts'
import { DisturbedLinks } from './disturbed-links.ts'
import type { FleetTable } from './fleet-table.ts'
import { type LinkRates, linkRates } from './link-rates.ts'
import { type LinkUse, withDefaults } from './link-use.ts'
import type { ModelChange } from './model/agenda.ts'
import { formCohorts } from './model/cohort.ts'
import { groupSingly } from './model/group-nodes.ts'
import { lastFinish, ModelFinish } from './model/model-finish.ts'
import { SwarmModel } from './model/swarm-model.ts'
import type { SwarmState } from './model/swarm-state.ts'
import type { Assignment, LinkBytes, NodeFinish, PlannerInput } from './plan.ts'
import { createPlanTable } from './plan-table.ts'
import { unitsOfAssignments } from './plan-unit.ts'
import type { FleetEvent, Scenario } from './scenario.ts'
import { simulatedCopies } from './simulated-copies.ts'

export interface Simulation {
  /** Undefined: it never has all that it was assigned. */
  readonly nodes: readonly NodeFinish[]
  readonly finishMs: number | undefined
  readonly bytes: LinkBytes
  /** What the seed sent over what it had to send once; 0 when that is nothing. */
  readonly seedCopies: number
  /** What came over a rack's uplink over what had to come once; of the worst rack. */
  readonly crossRackCopies: number
}

/**
 * Carries out a plan in a model of the fleet in which each node is by itself, and things happen to it. With a scenario
 * in which nothing happens it says what the plan predicts. Equal arguments give an equal result.
 */
export function simulate(
  input: PlannerInput,
  plan: { readonly assignments: readonly Assignment[] },
  scenario: Scenario = {},
  linkUse: LinkUse = {},
): Simulation {
  checkInput(input)
  const { efficiency, startUpMs } = withDefaults(linkUse)
  const { events = [], rateSpread = 0, startUpSpread = 0, randomSeed = 1 } = scenario
  const { nowMs } = input
  const table = createPlanTable(input)
  const random = seededRandom(randomSeed)
  const links = new DisturbedLinks(table, spread(linkRates(table, input.limits, efficiency), { rateSpread, random }))
  const startUp = Float64Array.from(table.nodes, () => (startUpMs / 1000) * (1 + startUpSpread * (2 * random() - 1)))
  const units = unitsOfAssignments(table, plan.assignments)
    .map((unit) => ({ unit, wave: unit.keptWave ?? 0 }))
    .sort((a, b) => a.wave - b.wave)
  const cohorts = formCohorts(table, units, { groups: groupSingly(table, units), nowMs })
  const nodeOf = (cohort: number) => cohorts[cohort]?.nodes[0] ?? 0
  const model = new SwarmModel(
    { table, rates: links.rates, units, cohorts },
    {
      startsAt: (cohort) => startUp[nodeOf(cohort)] ?? 0,
      changesOf: (state) => changesOf(events, { table, links, state, startUp, nowMs }),
    },
  )
  model.run()
  const nodes = new ModelFinish(table, model, nowMs).ofNodes()
  const { seedToNode, inRack, crossRack } = model.traffic
  return {
    nodes,
    finishMs: lastFinish(nodes, nowMs),
    bytes: { libraryToSeed: model.library.readBytes, seedToNode, inRack, crossRack },
    ...simulatedCopies(table, model),
  }
}

/** Links never carry more than they should. */
function spread(rates: LinkRates, { rateSpread, random }: { rateSpread: number; random: () => number }): LinkRates {
  const shares = rates.nodeUp.map(() => 1 - rateSpread * random())
  const times = (some: Float64Array) => some.map((rate, node) => rate * (shares[node] ?? 1))
  return { ...rates, nodeUp: times(rates.nodeUp), nodeDown: times(rates.nodeDown) }
}

interface EventGround {
  readonly table: FleetTable
  readonly links: DisturbedLinks
  readonly state: SwarmState
  readonly startUp: Float64Array
  readonly nowMs: number
}

function changesOf(events: readonly FleetEvent[], { table, links, state, startUp, nowMs }: EventGround): ModelChange[] {
  const cohortOf = new Map(state.cohorts.map(({ nodes }, cohort) => [nodes[0], cohort]))
  const apply = (event: FleetEvent, now: number): number | undefined => {
    if (event.kind === 'seed-stops' || event.kind === 'seed-starts') links.setSeed(event.kind === 'seed-starts')
    else if (event.kind === 'background') links.take(event)
    else {
      const node = table.node(event.node) ?? -1
      const cohort = cohortOf.get(node)
      // A node that has nothing to do with the plan changes nothing.
      if (cohort === undefined) return undefined
      if (event.kind === 'node-slows') links.slowNode(node, event.share)
      else {
        const starts = now + (startUp[node] ?? 0)
        state.setAlive(cohort, event.kind === 'node-returns', starts)
        return starts
      }
    }
    return undefined
  }
  return events.map((event) => ({ at: (event.atMs - nowMs) / 1000, apply: (now) => apply(event, now) }))
}
