import { createHash } from 'node:crypto'
import {
  DEFAULT_PLAN_WEIGHT,
  DEFAULT_PRIORITY,
  type PrefetchChange,
  type PrefetchImage,
  type PrefetchRequest,
  type PrefetchTarget,
} from '@shoal/api'
import { seedError } from '../errors.ts'
import type { PlanTerms } from './plan-record.ts'

const DAY_MS = 86_400_000
/** Until when a plan without a deadline is tried. */
const USUAL_DAYS = 7
const LAST_YEAR = 9999
const END_OF_TIME_MS = Date.UTC(LAST_YEAR + 1, 0)

type RequestedTerms = Pick<
  PrefetchChange,
  'priority' | 'weight' | 'limits' | 'notBefore' | 'deadline' | 'expiresAt' | 'pinnedUntil'
>

/** Throws `SHOAL_PLAN_REQUEST` and `SHOAL_PLAN_TARGETS` for what the schema cannot say. */
export function checkImages(images: readonly PrefetchImage[]): void {
  const seen = new Set<string>()
  for (const wanted of images) {
    const { image } = wanted
    if (seen.has(image)) throw seedError('SHOAL_PLAN_REQUEST', { reason: `image ${image} is named twice` })
    seen.add(image)
    checkTarget(wanted, image)
  }
}

/** Throws `SHOAL_PLAN_TARGETS` for a target that means nothing, or two things at once. */
export function checkTarget(target: PrefetchTarget, image: string): void {
  const reason = faultOf(target)
  if (reason !== undefined) throw seedError('SHOAL_PLAN_TARGETS', { image, reason })
}

/** A plan's terms with every default filled in. Throws `SHOAL_PLAN_TIME`. */
export function planTerms(request: RequestedTerms, nowMs: number): PlanTerms {
  const now = isoTime(nowMs)
  const notBefore = momentOf('notBefore', request.notBefore)
  const deadline = momentOf('deadline', request.deadline)
  mustFollow('deadline', deadline, [now, notBefore])
  const expiresAt = momentOf('expiresAt', request.expiresAt) ?? usualExpiry(deadline ?? notBefore, nowMs)
  mustFollow('expiresAt', expiresAt, [now, notBefore, deadline])
  const { bytesPerSecond = null, nodeBytesPerSecond = null } = request.limits ?? {}
  return {
    priority: request.priority ?? DEFAULT_PRIORITY,
    weight: request.weight ?? DEFAULT_PLAN_WEIGHT,
    limits: { bytesPerSecond, nodeBytesPerSecond },
    notBefore,
    deadline,
    expiresAt,
    pinnedUntil: momentOf('pinnedUntil', request.pinnedUntil) ?? expiresAt,
  }
}

/**
 * The terms after a change; what it does not name stays, save that times which followed from others follow them again. Throws
 * `SHOAL_PLAN_TIME` for times that are named or contradict those; a deadline that is over does not stand in the way of the rest.
 */
export function changedTerms(before: PlanTerms, change: RequestedTerms, nowMs: number): PlanTerms {
  const now = isoTime(nowMs)
  const notBefore = change.notBefore === undefined ? before.notBefore : momentOf('notBefore', change.notBefore)
  const deadline = change.deadline === undefined ? before.deadline : momentOf('deadline', change.deadline)
  if (change.deadline !== undefined) mustFollow('deadline', deadline, [now, notBefore])
  else if (change.notBefore !== undefined) mustFollow('deadline', deadline, [notBefore])
  const expiresAt = changedExpiry(before, change, { from: deadline ?? notBefore, nowMs })
  const namesTime = [change.notBefore, change.deadline, change.expiresAt].some((time) => time !== undefined)
  if (namesTime) mustFollow('expiresAt', expiresAt, [now, notBefore, deadline])
  const staysPinned = change.pinnedUntil === undefined && before.pinnedUntil !== before.expiresAt
  return {
    priority: change.priority ?? before.priority,
    weight: change.weight ?? before.weight,
    limits: { ...before.limits, ...change.limits },
    notBefore,
    deadline,
    expiresAt,
    pinnedUntil: staysPinned ? before.pinnedUntil : (momentOf('pinnedUntil', change.pinnedUntil) ?? expiresAt),
  }
}

/** What tells two requests apart, whatever the order of their fields. */
export function requestHash(request: PrefetchRequest): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(request)))
    .digest('hex')
}

export const isoTime = (ms: number): string => new Date(ms).toISOString()

/** A time that is reckoned; null: it is not known, or so far away that no clock shows it. */
export function reckonedTime(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined || !(ms < END_OF_TIME_MS) ? null : isoTime(ms)
}

function faultOf({ nodes, all, zone, rack, aggregate, vms, vmsPerNode }: PrefetchTarget): string | undefined {
  const ways = [nodes, all, vms].filter((way) => way !== undefined).length
  if (ways > 1) return 'nodes, all and vms exclude each other'
  if (ways === 0 && zone === undefined && rack === undefined && aggregate === undefined)
    return 'nothing says which nodes'
  if (vms === undefined && vmsPerNode !== undefined) return 'vmsPerNode needs vms'
  return undefined
}

function momentOf(field: string, text: string | null | undefined): string | null {
  if (text === undefined || text === null) return null
  const at = new Date(text)
  // The format has leap seconds, which a clock does not, and in another zone the last year may be over.
  const isTime = at.getUTCFullYear() <= LAST_YEAR
  if (!isTime) throw seedError('SHOAL_PLAN_TIME', { field, time: text, reason: 'no clock shows it' })
  return at.toISOString()
}

function mustFollow(field: string, time: string | null, earlier: readonly (string | null)[]): void {
  const latest = Math.max(...earlier.map((one) => (one === null ? Number.NEGATIVE_INFINITY : Date.parse(one))))
  if (time === null || Date.parse(time) > latest) return
  throw seedError('SHOAL_PLAN_TIME', { field, time, reason: `it is not after ${isoTime(latest)}` })
}

/** One that followed from another time follows it again. */
function changedExpiry(
  before: PlanTerms,
  { expiresAt }: RequestedTerms,
  { from, nowMs }: { from: string | null; nowMs: number },
): string {
  const fromBefore = before.deadline ?? before.notBefore
  const followed = fromBefore === null || before.expiresAt === isoTime(Date.parse(fromBefore) + DAY_MS)
  if (expiresAt === undefined && (from === fromBefore || !followed)) return before.expiresAt
  return momentOf('expiresAt', expiresAt) ?? usualExpiry(from, nowMs)
}

function usualExpiry(from: string | null, nowMs: number): string {
  return from === null ? isoTime(nowMs + USUAL_DAYS * DAY_MS) : isoTime(Math.max(nowMs, Date.parse(from)) + DAY_MS)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, field]) => [key, sorted(field)]))
}
