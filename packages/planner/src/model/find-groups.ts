import type { FlowGroup } from './flow-group.ts'
import type { SwarmState } from './swarm-state.ts'

interface GrowingGroup extends FlowGroup {
  readonly cohorts: number[]
}

/** Who fetches what now, by rank, and who has nothing to fetch. `offered` is what can be had of each part. */
export function findGroups(
  state: SwarmState,
  { now, offered }: { now: number; offered: Float64Array },
): { groups: FlowGroup[]; idle: number[] } {
  const idle: number[] = []
  const byRank: (GrowingGroup | undefined)[] = []
  for (let cohort = 0; cohort < state.cohorts.length; cohort += 1) {
    const stage = state.stageOf(cohort, now, offered)
    if (stage === undefined) {
      idle.push(cohort)
      continue
    }
    const { part, rank } = stage
    while (byRank.length <= rank) byRank.push(undefined)
    const group = byRank[rank]
    if (group === undefined) byRank[rank] = { part, rank, cohorts: [cohort] }
    else group.cohorts.push(cohort)
  }
  return { groups: byRank.filter((group) => group !== undefined), idle }
}
