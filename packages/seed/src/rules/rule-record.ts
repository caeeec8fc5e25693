import { isDeepStrictEqual } from 'node:util'
import type { PrefetchRequest, PrefetchRule, PrefetchRuleRequest } from '@shoal/api'

/**
 * A plan that is about to be made. It is durable before the plan is, so that after a crash the same plan is asked for
 * again.
 */
export interface RuleIntent {
  /** ISO 8601. */
  readonly at: string
  readonly key: string
  readonly request: PrefetchRequest
  /** What leaves `waiting` when the plan is made. */
  readonly handled: readonly string[]
}

/** A rule and how far it is; durable. Times are ISO 8601. */
export interface RuleRecord {
  readonly name: string
  readonly request: PrefetchRuleRequest
  /** Images that were published later are new. */
  readonly since: string
  /** Times of cron up to here are dealt with. */
  readonly after: string
  /** New images that wait, the oldest first. */
  readonly waiting: readonly string[]
  /** Images that have waited: they are not new again. The oldest first. */
  readonly taken: readonly string[]
  readonly intent: RuleIntent | null
  /** Plans that were running when it acted last, with their images. */
  readonly running: readonly { readonly plan: string; readonly images: readonly string[] }[]
  readonly lastAt: string | null
  readonly lastPlan: string | null
  readonly lastError: string | null
  readonly plans: number
}

export function newRule(name: string, request: PrefetchRuleRequest, now: string): RuleRecord {
  const past = { lastAt: null, lastPlan: null, lastError: null, plans: 0 }
  return { name, request, since: now, after: now, waiting: [], taken: [], intent: null, running: [], ...past }
}

/** A rule that is replaced. What it has done stays; what the change concerns begins anew. */
export function changedRule(before: RuleRecord, request: PrefetchRuleRequest, now: string): RuleRecord {
  const isSame = (...fields: readonly (keyof PrefetchRuleRequest)[]) =>
    fields.every((field) => isDeepStrictEqual(before.request[field], request[field]))
  return {
    ...before,
    request,
    since: isSame('on', 'images') ? before.since : now,
    after: isSame('enabled', 'on', 'cron', 'timeZone') ? before.after : now,
    waiting: request.on === 'new-image' ? before.waiting : [],
    // Other plans than those that run are wanted from now on.
    running: isSame('target', 'priority', 'weight', 'limits', 'deadlineSeconds', 'pinnedSeconds') ? before.running : [],
    lastError: null,
  }
}

/** The rule as the API shows it. */
export function toApiRule(record: RuleRecord, nextMs: number | undefined): PrefetchRule {
  const { name, request, waiting, lastAt, lastPlan, lastError, plans } = record
  const nextAt = nextMs === undefined ? null : new Date(nextMs).toISOString()
  return { name, ...request, waiting: [...waiting], nextAt, lastAt, lastPlan, lastError, plans }
}
