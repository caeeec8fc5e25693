import type { ErrorBody, PlanState } from '@shoal/api'
import { seedError } from '../errors.ts'
import { toErrorBody } from '../images/image-record.ts'
import type { NodeProgress } from './node-progress.ts'
import type { PlanRecord } from './plan-record.ts'

export interface PlanFacts {
  readonly rows: ReadonlyMap<string, NodeProgress>
  /** Unix time in milliseconds. */
  readonly now: number
  /** Images are on their way from the library. */
  readonly isImporting: boolean
  /** Nodes came or went since it was planned: what it lacks is not known. */
  readonly isStale: boolean
  /** How long a node may fail before the plan does not wait for it. */
  readonly patienceMs: number
}

interface NextState {
  readonly state: PlanState
  readonly error: ErrorBody | null
}

/** The state that a plan which is not over gets into now; undefined: it stays as it is. An operator alone pauses it and lets it go on. */
export function nextState(plan: PlanRecord, facts: PlanFacts): NextState | undefined {
  if (plan.state === 'paused') return undefined
  const next = stateOf(plan, facts)
  if (facts.isStale && (next.state === 'done' || next.state === 'partly-done')) return undefined
  return next.state === plan.state && next.error?.message === plan.error?.message ? undefined : next
}

function stateOf(plan: PlanRecord, { rows, now, isImporting, patienceMs }: PlanFacts): NextState {
  const failures = plan.images.flatMap(({ image }) => plan.failures[image] ?? [])
  const [firstFailure] = failures
  if (firstFailure !== undefined && failures.length === plan.images.length) {
    return { state: 'failed', error: firstFailure }
  }
  const unmet = plan.unmet.filter(({ reason }) => reason !== 'deadline')
  if (rows.size === 0 && !isImporting && unmet[0] !== undefined) {
    const error = seedError('SHOAL_PLAN_UNMET', { plan: plan.id, reason: unmet[0].message.replace(/\.$/, '') })
    return { state: 'failed', error: toErrorBody(error) }
  }
  if (plan.notBefore !== null && Date.parse(plan.notBefore) > now) return { state: 'planned', error: null }
  const all = [...rows.values()]
  const isSettled = ({ state, failedAt }: NodeProgress) =>
    state === 'ready' || state === 'excluded' || (failedAt !== null && now - failedAt >= patienceMs)
  if (isImporting || !all.every(isSettled)) return { state: 'running', error: null }
  const missing = all.filter(({ state }) => state !== 'ready')
  if (missing.length === 0 && unmet.length === 0 && failures.length === 0) return { state: 'done', error: null }
  const reason = firstFailure?.message ?? unmet[0]?.message ?? missing[0]?.error?.message ?? whyMissing(missing)
  const details = { plan: plan.id, missing: missing.length, total: all.length, reason: reason.replace(/\.$/, '') }
  return { state: 'partly-done', error: toErrorBody(seedError('SHOAL_PLAN_INCOMPLETE', details)) }
}

function whyMissing([first]: readonly NodeProgress[]): string {
  return first?.presence === 'here' && first.failedAt !== null ? 'they had to give it up' : 'they are away'
}
