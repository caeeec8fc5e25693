import type { FlowGrant } from './flow-group.ts'
import type { SwarmState } from './swarm-state.ts'

/** How long flows take at the rates that were granted, in seconds; infinite when nothing moves. */
export interface FlowTimes {
  /** Until the first is done. */
  readonly toFirstDone: number
  /** For all of a part, from nothing: the harmonic mean of all flows. */
  readonly aStage: number
}

export function flowTimes(state: SwarmState, grants: readonly FlowGrant[]): FlowTimes {
  let toFirstDone = Number.POSITIVE_INFINITY
  let [moving, stagesPerSecond] = [0, 0]
  for (const { group, rates } of grants) {
    const bytes = state.bytesOf(group.part)
    for (let index = 0; index < rates.length; index += 1) {
      const rate = rates[index] ?? 0
      if (rate <= 0) continue
      toFirstDone = Math.min(toFirstDone, state.lacking(group.cohorts[index] ?? 0, group.part) / rate)
      moving += 1
      stagesPerSecond += rate / bytes
    }
  }
  return { toFirstDone, aStage: moving === 0 ? Number.POSITIVE_INFINITY : moving / stagesPerSecond }
}
