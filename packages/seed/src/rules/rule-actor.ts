import { type Actor, ENDED_PLAN_STATES, type PlanState, type PrefetchRequest } from '@shoal/api'
import { type Clock, errorCode, errorMessage, type Logger } from '@shoal/core'
import { seedError } from '../errors.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { ImageRecord } from '../images/image-record.ts'
import { isStop } from '../imports/import-fault.ts'
import { MAX_MISSED_MS } from './cron-times.ts'
import type { RuleBook } from './rule-book.ts'
import { chooseAll, chooseWaiting, type RuleChoice } from './rule-choice.ts'
import { intentOf } from './rule-plan.ts'
import type { RuleIntent, RuleRecord } from './rule-record.ts'

/** What rules need of the prefetch plans. */
export interface PlanMaker {
  /** Makes a plan and starts it. Asked again with the same key and request it gives the plan that it made then. */
  create(
    request: PrefetchRequest,
    options: { source: string; idempotencyKey?: string; actor?: Actor },
  ): Promise<{ id: string }>
  /** How a plan is; `undefined` when there is none, or none any more. */
  state(id: string): PlanState | undefined
}

export interface RuleActorDeps {
  readonly book: RuleBook
  readonly catalogue: Pick<Catalogue, 'image' | 'images'>
  readonly plans: PlanMaker
  readonly clock: Clock
  readonly logger: Logger
}

/** How long a rule without times waits after a failure. */
const RETRY_MS = 5 * 60_000
const MAX_REASON = 1000
/** The request was not at fault: it is made again, with its key, until this has passed or a day has. */
const TEMPORARY = /^SHOAL_STATE_|^SHOAL_PLAN_LIMIT$/

/** Makes the plans of rules, one after the other for each rule: callers see to that. */
export class RuleActor {
  readonly #deps: RuleActorDeps

  constructor(deps: RuleActorDeps) {
    this.#deps = deps
  }

  /** Lets a rule act if it is time, and finishes what a crash or a failure has left. */
  async actIfDue(name: string): Promise<void> {
    const { book, catalogue, clock } = this.#deps
    const record = book.get(name)
    if (record === undefined) return
    if (record.intent !== null) return void (await this.#carryOut(name, record.intent))
    const { on, enabled, cron } = record.request
    if (!enabled) return
    const nowMs = clock.now()
    if (cron === null) {
      const choice = mayAct(record, nowMs) ? chooseWaiting(record, catalogue, nowMs) : undefined
      if (choice !== undefined) await this.#act(record, choice, record.after)
      return
    }
    const times = book.times(name)
    const next = times?.next(Date.parse(record.after)) ?? Number.POSITIVE_INFINITY
    if (times === undefined || next > nowMs) return
    // Images may get their tags when they are published already. What cannot be noted leaves the time due.
    if (on === 'new-image') await book.catchUp(name)
    const dueMs = times.due(Date.parse(record.after), nowMs)
    const after = new Date(dueMs ?? nowMs).toISOString()
    // In memory at least, so that a failure from here on does not make it due again.
    const now = book.pass(name, after)
    if (now === undefined || dueMs === undefined) return
    if (on === 'schedule') await this.#actOnSchedule(now, after)
    else await this.#act(now, chooseWaiting(now, catalogue, dueMs), after)
  }

  /**
   * Lets a rule act now, whatever its times, and gives the plan. Throws `SHOAL_RULE_NO_IMAGE`, or why there is no plan.
   */
  async actNow(name: string): Promise<string> {
    const { book, catalogue, clock } = this.#deps
    const record = book.get(name)
    if (record === undefined) throw seedError('SHOAL_RULE_UNKNOWN', { rule: name })
    if (record.intent !== null) return this.#carryOut(name, record.intent)
    const waiting = chooseWaiting(record, catalogue, clock.now())
    const choice = waiting.images.length > 0 ? waiting : chooseAll(record, catalogue)
    const [first] = choice.images
    if (first === undefined) throw seedError('SHOAL_RULE_NO_IMAGE', { rule: name })
    const plan = (await this.#act(record, choice, record.after)) ?? this.#runningPlan(record, first)
    // Nothing but removing the rule meanwhile leads here.
    if (plan === undefined) throw seedError('SHOAL_RULE_UNKNOWN', { rule: name })
    return plan
  }

  async #actOnSchedule(record: RuleRecord, after: string): Promise<void> {
    const choice = chooseAll(record, this.#deps.catalogue)
    if (choice.images.length > 0) return void (await this.#act(record, choice, after))
    const at = new Date(this.#deps.clock.now()).toISOString()
    await this.#fail(record.name, { lastAt: at, after }, seedError('SHOAL_RULE_NO_IMAGE', { rule: record.name }))
  }

  /** Makes a plan for those of the images that no plan of the rule is working on; `undefined` when there are none. */
  async #act(record: RuleRecord, { images, handled }: RuleChoice, after: string): Promise<string | undefined> {
    const { book, clock, logger } = this.#deps
    const { name } = record
    const fresh = images.filter((image) => this.#runningPlan(record, image) === undefined)
    if (fresh.length === 0) {
      if (images.length > 0) logger.debug({ rule: name }, 'a rule does not act: its plan still runs')
      if (images.length > 0 || handled.length > 0) {
        await book.update(name, (now) => ({ ...now, after, waiting: without(now.waiting, handled) }))
      }
      return undefined
    }
    const intent = intentOf(record, fresh, { nowMs: clock.now(), handled })
    await book.update(name, (now) => ({ ...now, after, intent }))
    return this.#carryOut(name, intent)
  }

  async #carryOut(name: string, intent: RuleIntent): Promise<string> {
    const { book, plans } = this.#deps
    let plan: { id: string }
    try {
      const source = `rule:${name}`
      plan = await plans.create(intent.request, { source, idempotencyKey: intent.key, actor: source })
    } catch (error) {
      // When the seed stops, the next start makes it.
      if (!isStop(error)) await this.#failIntent(name, intent, error)
      throw error
    }
    await book.update(name, (record) => this.#done(record, intent, plan.id))
    return plan.id
  }

  #done(record: RuleRecord, intent: RuleIntent, plan: string): RuleRecord {
    // The rule was removed and made again under its name.
    if (record.intent?.key !== intent.key) return record
    const running = record.running.filter((before) => this.#isRunning(before.plan))
    const images = intent.request.images.map(({ image }) => image)
    return {
      ...record,
      waiting: without(record.waiting, intent.handled),
      intent: null,
      running: [...running, { plan, images }],
      ...{ lastAt: intent.at, lastPlan: plan, lastError: null, plans: record.plans + 1 },
    }
  }

  async #failIntent(name: string, intent: RuleIntent, error: unknown): Promise<void> {
    const { book, clock } = this.#deps
    if (book.get(name)?.intent?.key !== intent.key) return
    const isKept = TEMPORARY.test(errorCode(error) ?? '') && clock.now() - Date.parse(intent.at) < MAX_MISSED_MS
    await this.#fail(name, { lastAt: intent.at, intent: isKept ? intent : null }, error)
  }

  async #fail(name: string, change: Partial<RuleRecord>, error: unknown): Promise<void> {
    const { book } = this.#deps
    const reason = errorMessage(error).slice(0, MAX_REASON)
    // Told once, not at every time that it fails the same way.
    const isKnown = book.get(name)?.lastError === reason
    const message = `Prefetch rule ${name} could not make a plan: ${reason}`
    const details = { rule: name, code: errorCode(error) ?? null }
    const drafts = isKnown ? [] : [{ type: 'rule.failed' as const, actor: `rule:${name}`, message, details }]
    await book.update(name, (record) => ({ ...record, ...change, lastError: reason }), drafts)
  }

  #runningPlan(record: RuleRecord, { image }: ImageRecord): string | undefined {
    return record.running.find(({ plan, images }) => images.includes(image.id) && this.#isRunning(plan))?.plan
  }

  #isRunning(plan: string): boolean {
    const state = this.#deps.plans.state(plan)
    return state !== undefined && !ENDED_PLAN_STATES.includes(state)
  }
}

function mayAct({ waiting, lastAt, lastError }: RuleRecord, nowMs: number): boolean {
  if (waiting.length === 0) return false
  return lastError === null || lastAt === null || Math.abs(nowMs - Date.parse(lastAt)) >= RETRY_MS
}

function without(waiting: readonly string[], handled: readonly string[]): readonly string[] {
  return handled.length === 0 ? waiting : waiting.filter((id) => !handled.includes(id))
}
