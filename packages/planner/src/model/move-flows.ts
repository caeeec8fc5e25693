import type { CohortLinks } from './cohort-links.ts'
import { type FlowGrant, freshRate, type RackFlows } from './flow-group.ts'
import type { SpareTime } from './spare-time.ts'
import type { SwarmState } from './swarm-state.ts'

export interface MoveGround {
  readonly state: SwarmState
  readonly links: CohortLinks
  readonly spare: SpareTime
}

/** Gives nodes what they receive in a step at the rates that were granted. Returns the bytes by rack of the grant. */
export function moveFlows(ground: MoveGround, grant: FlowGrant, seconds: number): number[] {
  return grant.racks.map((flows) => {
    // Nobody gets ahead of what the rack and the swarm can have by now.
    const ceiling = Math.min(
      flows.frontBytes + freshRate(flows) * seconds,
      grant.frontBytes + grant.freshRate * seconds,
    )
    return moveRack(ground, grant, { flows, ceiling, seconds })
  })
}

function moveRack(
  { state, links, spare }: MoveGround,
  { group: { cohorts, part }, rates, counts }: FlowGrant,
  { flows, ceiling, seconds }: { flows: RackFlows; ceiling: number; seconds: number },
): number {
  let moved = 0
  for (let index = flows.from; index < flows.to; index += 1) {
    const cohort = cohorts[index] ?? 0
    const rate = rates[index] ?? 0
    const most = ceiling - state.got(cohort, part)
    if (rate === 0 || most <= 0) {
      spare.setFree(cohort)
      continue
    }
    const down = links.down[cohort] ?? 0
    const bytes = Math.min(most, state.lacking(cohort, part), spare.mostBytes(cohort, { rate, down }, seconds))
    const at = spare.finishAt(cohort, { rate, down }, bytes)
    const isDone = state.receive(cohort, part, { bytes, at })
    if (isDone) links.complete(cohort, part)
    spare.setFree(cohort, isDone ? at : undefined)
    moved += bytes * state.share(cohort, part) * (counts[index] ?? 0)
  }
  return moved
}
