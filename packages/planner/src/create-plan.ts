import { heldBytesThenLoad, type PlacementScore } from '@shoal/scheduler'
import { checkInput } from './check-input.ts'
import { describeWaves } from './describe-waves.ts'
import { DiskRoom } from './disk-room.ts'
import type { FleetTable } from './fleet-table.ts'
import { fluidBound } from './fluid-bound.ts'
import { KeptWaves } from './kept-waves.ts'
import { lateDemands } from './late-demands.ts'
import { linkRates } from './link-rates.ts'
import { type LinkUse, withDefaults } from './link-use.ts'
import { formCohorts } from './model/cohort.ts'
import { groupAlike } from './model/group-nodes.ts'
import { lastFinish, ModelFinish } from './model/model-finish.ts'
import { SwarmModel } from './model/swarm-model.ts'

import type { Assignment, Plan, PlannerInput } from './plan.ts'
import { createPlanTable } from './plan-table.ts'
import { unitsOfWants } from './plan-unit.ts'
import { serveDemands } from './served-demands.ts'
import { Wants } from './wants.ts'
import { assignWaves, type UnitInWave } from './waves.ts'

export interface PlannerOptions extends LinkUse {
  /** An earlier plan: what still holds of it stays as it is. Demands are the same when their ids are. */
  readonly previous?: Pick<Plan, 'assignments' | 'placements'> | undefined
  readonly score?: PlacementScore | undefined
}

/**
 * Plans who gets which layers in which order, and predicts how long that takes and what cannot be met. Throws a
 * TypeError for input that contradicts itself; everything else that stands in the way is told in the plan.
 */
export function createPlan(input: PlannerInput, options: PlannerOptions = {}): Plan {
  checkInput(input)
  const { previous, score = heldBytesThenLoad } = options
  const { efficiency, startUpMs } = withDefaults(options)
  const { nowMs, demands, limits } = input
  const table = createPlanTable(input)
  const room = new DiskRoom(table)
  const loads = Float64Array.from(table.nodes, ({ load = 0 }) => load)
  const found = serveDemands({ table, room, score, loads }, demands, previous?.placements ?? [])
  const wants = new Wants(table)
  for (const { nodes, chain, terms } of found.served) wants.add(nodes, chain, terms)
  const wanted = unitsOfWants(table, wants, new KeptWaves(table, previous?.assignments ?? []))
  const rates = linkRates(table, limits, efficiency)
  const units = assignWaves(table, rates, wanted).sort((a, b) => a.wave - b.wave)
  const cohorts = formCohorts(table, units, { groups: groupAlike(table, rates, units), nowMs })
  const model = new SwarmModel({ table, rates, units, cohorts }, { startsAt: () => startUpMs / 1000 })
  model.run()
  const finish = new ModelFinish(table, model, nowMs)
  const nodes = finish.ofNodes()
  const { seedToNode, inRack, crossRack } = model.traffic
  return {
    assignments: assignmentsOf(table, units),
    waves: describeWaves({ table, units, finish }),
    placements: found.placements,
    evictions: room.evictions(),
    predicted: {
      nodes,
      finishMs: lastFinish(nodes, nowMs),
      bytes: { libraryToSeed: model.library.readBytes, seedToNode, inRack, crossRack },
    },
    fluidBound: fluidBound(table, linkRates(table, limits), wanted),
    unmet: [...found.unmet, ...lateDemands(table, found.served, finish)],
  }
}

function assignmentsOf(table: FleetTable, units: readonly UnitInWave[]): Assignment[] {
  const finite = (time: number) => (Number.isFinite(time) ? time : undefined)
  const assignments: Assignment[] = []
  for (const { unit, wave } of units) {
    const digest = table.layers[unit.layer]?.digest
    if (digest === undefined) continue
    const { priority, ...times } = unit.terms
    const [notBeforeMs, deadlineMs] = [finite(times.notBeforeMs), finite(times.deadlineMs)]
    const pinnedUntilMs = finite(times.pinnedUntilMs)
    const bootFirst = table.bootBytes(unit.layer) > 0
    for (const node of unit.nodes) {
      const name = table.nameOf(node)
      assignments.push({ node: name, layer: digest, priority, wave, notBeforeMs, deadlineMs, pinnedUntilMs, bootFirst })
    }
  }
  return assignments
}
