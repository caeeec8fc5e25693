import type { FlowGroup } from './flow-group.ts'
import type { SwarmState } from './swarm-state.ts'

/** Who fetches what now, by rank, and who has nothing to fetch. `offered` is what can be had of each part. */
export function findGroups(
  state: SwarmState,
  { now, offered }: { now: number; offered: Float64Array },
): { groups: FlowGroup[]; idle: number[] } {
  const idle: number[] = []
  const groups = new Map<number, FlowGroup & { readonly cohorts: number[] }>()
  for (let cohort = 0; cohort < state.cohorts.length; cohort += 1) {
    const stage = state.stageOf(cohort, now, offered)
    if (stage === undefined) {
      idle.push(cohort)
      continue
    }
    const group = groups.get(stage.rank)
    if (group === undefined) groups.set(stage.rank, { part: stage.part, rank: stage.rank, cohorts: [cohort] })
    else group.cohorts.push(cohort)
  }
  return { groups: [...groups.values()].sort((a, b) => a.rank - b.rank), idle }
}
