import { DEFAULT_PLAN_WEIGHT, type PlanProgress, type PlanSummary } from '@shoal/api'
import { formatBytes, formatRate } from '../format/bytes.ts'
import { formatAgo, formatDuration } from '../format/duration.ts'
import { formatLimit } from '../limits/rate.ts'
import { formatShare, formatWithin } from './node-table.ts'

type Fact = readonly [name: string, value: string]

/** How far a plan is, as facts for people. */
export function progressFacts(plan: PlanSummary, now: number): Fact[] {
  const { progress, state, error, source, createdAt, startedAt, finishedAt } = plan
  const { wantedBytes, presentBytes, bytesPerSecond } = progress
  const times = [
    `asked for ${formatAgo(createdAt, now)} by ${source}`,
    startedAt === null ? '' : `started ${formatAgo(startedAt, now)}`,
    finishedAt === null ? '' : `ended ${formatAgo(finishedAt, now)}`,
  ]
  const bytes = `${formatShare(presentBytes, wantedBytes)} of ${formatBytes(wantedBytes)}`
  return [
    ['state', state],
    ...(error === null ? [] : [['error', `${error.message} (${error.code})`] as const]),
    ['', times.filter((time) => time !== '').join(', ')],
    ['nodes', countNodes(progress)],
    ['done', bytesPerSecond === 0 ? bytes : `${bytes}, now ${formatRate(bytesPerSecond)}`],
    ['estimate', describeEstimate(plan, now)],
  ]
}

/** What was asked for besides images, as facts for people. */
export function termsFacts(plan: PlanSummary): Fact[] {
  const { priority, weight, limits, notBefore, deadline, expiresAt, pinnedUntil } = plan
  const limit = [
    limits.bytesPerSecond === null ? '' : `${formatLimit(limits.bytesPerSecond)} together`,
    limits.nodeBytesPerSecond === null ? '' : `${formatLimit(limits.nodeBytesPerSecond)} a node`,
  ].filter((text) => text !== '')
  return [
    ['priority', `${priority}${weight === DEFAULT_PLAN_WEIGHT ? '' : `, weight ${weight}`}`],
    ...(limit.length === 0 ? [] : [['limit', limit.join(', ')] as const]),
    ...(notBefore === null ? [] : [['not before', notBefore] as const]),
    ...(deadline === null ? [] : [['deadline', `${deadline}${comparePrediction(plan, deadline)}`] as const]),
    ['expires', expiresAt],
    ['pinned', `until ${pinnedUntil}`],
  ]
}

/** `12 of 45 ready, 30 fetching, 3 failed`: what there is none of is left out. */
export function countNodes({ nodes: { total, ready, ...others } }: PlanProgress): string {
  const counts = (['fetching', 'waiting', 'failed', 'excluded'] as const).flatMap((state) =>
    others[state] === 0 ? [] : [`${others[state]} ${state}`],
  )
  return [`${ready} of ${total} ready`, ...counts].join(', ')
}

/** `ready in 4 min 3 s, 2 min 10 s before the deadline`, as far as it is known. */
export function describeEstimate(
  { progress, deadline }: { readonly progress: PlanProgress; readonly deadline: string | null },
  now: number,
): string {
  const { estimatedFinishAt, nodes } = progress
  if (nodes.ready === nodes.total) return nodes.total === 0 ? 'no nodes yet' : 'all are ready'
  const deadlineMs = deadline === null ? undefined : Date.parse(deadline)
  if (estimatedFinishAt === null) {
    if (deadlineMs === undefined) return 'not known yet'
    return deadlineMs > now
      ? `not known yet, deadline in ${formatWithin(deadlineMs - now)}`
      : 'not known yet, DEADLINE OVER'
  }
  const finishMs = Date.parse(estimatedFinishAt)
  const when = `ready ${finishMs - now < 1000 ? '' : 'in '}${formatWithin(finishMs - now)}`
  return deadlineMs === undefined ? when : `${when}, ${compare(finishMs, deadlineMs)}`
}

function comparePrediction({ prediction: { finishAt } }: PlanSummary, deadline: string): string {
  return finishAt === null ? '' : `, predicted ${compare(Date.parse(finishAt), Date.parse(deadline))}`
}

function compare(finishMs: number, deadlineMs: number): string {
  const sparedMs = Math.round((deadlineMs - finishMs) / 1000) * 1000
  if (sparedMs === 0) return 'just at the deadline'
  const by = formatDuration(Math.abs(sparedMs)).replace('.0 s', ' s')
  return sparedMs > 0 ? `${by} before the deadline` : `${by} AFTER THE DEADLINE`
}
