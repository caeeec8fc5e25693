import type { Actor, PlanProgress, PlanState } from '@shoal/api'
import { NEWS_OF_STATE, type PlanNews } from './plan-book.ts'
import { isOver, type PlanRecord } from './plan-record.ts'
import { isoTime } from './plan-request.ts'

/** A plan that gets into a state, with what it keeps of its progress if that is the end of it. */
export function movedPlan(
  record: PlanRecord,
  state: PlanState,
  { change, nowMs, progress }: { change: Partial<PlanRecord>; nowMs: number; progress: () => PlanProgress },
): PlanRecord {
  const now = isoTime(nowMs)
  const startedAt = record.startedAt ?? (state === 'running' ? now : null)
  const moved: PlanRecord = { ...record, state, error: null, startedAt, ...change }
  const finishedAt = isOver(moved) || state === 'partly-done' ? now : null
  return { ...moved, finishedAt, finalProgress: isOver(moved) ? progress() : null }
}

/** What is told of a plan that got into its state; whose doing that was, if it was not the seed's own. */
export function newsOf({ name, state, error }: PlanRecord, counts: PlanProgress['nodes'], actor?: Actor): PlanNews[] {
  if (state === 'planned') return []
  const { ready, total } = counts
  const said = state === 'partly-done' ? 'partly done' : state
  const why = error === null ? '' : ` ${error.message}`
  const message = `Plan ${name} is ${said}: ${ready} of ${total} nodes are ready.${why}`.slice(0, 1000)
  return [{ type: NEWS_OF_STATE[state], actor, message, details: { ...counts } }]
}
