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
  const notBefore = momentOf('notBefore', request.notBefore)
  const deadline = momentOf('deadline', request.deadline)
  if (deadline !== null) mustFollow('deadline', deadline, notBefore ?? isoTime(nowMs))
  const expiresAt = momentOf('expiresAt', request.expiresAt) ?? usualExpiry(deadline ?? notBefore, nowMs)
  mustFollow('expiresAt', expiresAt, deadline ?? notBefore ?? isoTime(nowMs))
  const pinnedUntil = momentOf('pinnedUntil', request.pinnedUntil) ?? expiresAt
  const { bytesPerSecond = null, nodeBytesPerSecond = null } = request.limits ?? {}
  return {
    priority: request.priority ?? DEFAULT_PRIORITY,
    weight: request.weight ?? DEFAULT_PLAN_WEIGHT,
    limits: { bytesPerSecond, nodeBytesPerSecond },
    notBefore,
    deadline,
    expiresAt,
    pinnedUntil,
  }
}

/** The terms after a change; what it does not name stays, save that times which followed from a deadline follow it again. */
export function changedTerms(before: PlanTerms, change: RequestedTerms, nowMs: number): PlanTerms {
  const movesEnd = change.deadline !== undefined || change.expiresAt !== undefined
  const followsEnd = movesEnd && change.pinnedUntil === undefined && before.pinnedUntil === before.expiresAt
  const news = planTerms({ ...change, deadline: change.deadline ?? (movesEnd ? before.deadline : null) }, nowMs)
  const expiresAt = movesEnd ? news.expiresAt : before.expiresAt
  return {
    priority: change.priority ?? before.priority,
    weight: change.weight ?? before.weight,
    limits: { ...before.limits, ...change.limits },
    notBefore: change.notBefore === undefined ? before.notBefore : news.notBefore,
    deadline: change.deadline === undefined ? before.deadline : news.deadline,
    expiresAt,
    pinnedUntil: followsEnd ? expiresAt : change.pinnedUntil === undefined ? before.pinnedUntil : news.pinnedUntil,
  }
}

/** What tells two requests apart, whatever the order of their fields. */
export function requestHash(request: PrefetchRequest): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(request)))
    .digest('hex')
}

export const isoTime = (ms: number): string => new Date(ms).toISOString()

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

function mustFollow(field: string, time: string, earlier: string): void {
  if (Date.parse(time) > Date.parse(earlier)) return
  throw seedError('SHOAL_PLAN_TIME', { field, time, reason: `it is not after ${earlier}` })
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
