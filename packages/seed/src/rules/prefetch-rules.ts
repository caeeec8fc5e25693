import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Actor, PrefetchRule, PrefetchRuleRequest } from '@shoal/api'
import { errorCode, errorMessage } from '@shoal/core'
import { isStop } from '../imports/import-fault.ts'
import { type PlanMaker, RuleActor } from './rule-actor.ts'
import { RuleBook, type RuleBookDeps } from './rule-book.ts'

export interface PrefetchRulesDeps extends RuleBookDeps {
  readonly plans: PlanMaker
}

/** A clock that is set, or a machine that sleeps, is noticed after this at the latest. */
const MAX_SLEEP_MS = 60_000
/** Timers may come a little early. */
const MIN_SLEEP_MS = 20

/**
 * The rules that make prefetch plans by themselves: at times of cron, or when new images are published. What a rule is
 * about to do is durable before it does it, so that a crash costs no plan and makes none twice.
 */
export class PrefetchRules {
  readonly #deps: PrefetchRulesDeps
  readonly #book: RuleBook
  readonly #actor: RuleActor
  /** The last task of each rule that has one under way. */
  readonly #turns = new Map<string, Promise<unknown>>()
  #isNews = false
  #wake = () => {}

  constructor(deps: PrefetchRulesDeps) {
    this.#deps = deps
    this.#book = new RuleBook(deps)
    this.#actor = new RuleActor({ ...deps, book: this.#book })
  }

  /** Reads the rules. To be called once, when the catalogue and the plans are open. */
  open(): Promise<void> {
    return this.#book.open()
  }

  /** Every rule, by name. */
  list(): PrefetchRule[] {
    return this.#book.names().map((name) => this.#book.show(name))
  }

  /** Throws `SHOAL_RULE_UNKNOWN`. */
  get(name: string): PrefetchRule {
    return this.#book.show(name)
  }

  /**
   * Makes a rule, or replaces it; its past stays. Throws `SHOAL_RULE_LIMIT`, `SHOAL_RULE_IMAGES`,
   * `SHOAL_RULE_TIME_ZONE`, `SHOAL_RULE_CRON`, or what is wrong with its target.
   */
  async put(name: string, request: PrefetchRuleRequest, actor?: Actor): Promise<PrefetchRule> {
    await this.#book.put(name, request, actor)
    this.#tellNews()
    return this.#book.show(name)
  }

  /** Removes a rule; the plans that it made stay. Throws `SHOAL_RULE_UNKNOWN`. */
  async remove(name: string, actor?: Actor): Promise<void> {
    await this.#book.remove(name, actor)
  }

  /**
   * Lets a rule act now, even one that is not enabled, and gives the id of its plan; that is the one that runs, if one
   * of the rule does for the same images. Throws `SHOAL_RULE_UNKNOWN`, `SHOAL_RULE_NO_IMAGE`, or why there is no plan.
   */
  runNow(name: string): Promise<string> {
    return this.#inTurn(name, () => this.#actor.actNow(name))
  }

  /**
   * Tells that an image may have been published. Telling again changes nothing. Never throws: what could not be written
   * is found again at the next start.
   */
  async noteImage(id: string): Promise<void> {
    try {
      await this.#book.note(id)
    } catch (error) {
      this.#deps.logger.warn({ image: id, reason: errorMessage(error) }, 'a new image could not be noted for rules')
    }
    this.#tellNews()
  }

  /** Lets rules act when it is time, until the signal aborts. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    while (!signal.aborted) {
      this.#isNews = false
      const startedAtMs = this.#deps.clock.now()
      await this.round({ signal })
      if (!this.#isNews && !signal.aborted) await this.#sleep(startedAtMs, signal)
    }
  }

  /** Lets each rule act for which it is time. Never throws: what goes wrong is told by the rule and tried again. */
  async round({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    this.#book.noticeClock()
    for (const name of this.#book.names()) {
      // Many rules may be due at once, and each looks at all images: requests are answered in between.
      await nextTurn()
      if (signal?.aborted) return
      try {
        await this.#inTurn(name, () => this.#actor.actIfDue(name))
      } catch (error) {
        if (isStop(error)) return
        this.#deps.logger.warn(
          { rule: name, code: errorCode(error), reason: errorMessage(error) },
          'a rule made no plan',
        )
      }
    }
  }

  /** Sleeps until the next time that was not there for the round, which began then. */
  async #sleep(roundMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    const nowMs = clock.now()
    const nextMs = this.#book.names().map((name) => this.#book.nextMs(name) ?? Number.POSITIVE_INFINITY)
    const delayMs = nextMs.reduce((least, at) => (at > roundMs ? Math.min(least, at - nowMs) : least), MAX_SLEEP_MS)
    const woken = new AbortController()
    const wake = () => woken.abort()
    this.#wake = wake
    signal.addEventListener('abort', wake, { once: true })
    await clock.sleep(Math.max(delayMs, MIN_SLEEP_MS), { signal: woken.signal }).catch(() => {})
    signal.removeEventListener('abort', wake)
  }

  #tellNews(): void {
    this.#isNews = true
    this.#wake()
  }

  async #inTurn<T>(name: string, task: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(name) ?? Promise.resolve()
    const turn = before.then(task)
    const settled = turn.catch(() => {})
    this.#turns.set(name, settled)
    try {
      return await turn
    } finally {
      if (this.#turns.get(name) === settled) this.#turns.delete(name)
    }
  }
}
