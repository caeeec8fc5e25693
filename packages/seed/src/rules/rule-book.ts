import { isDeepStrictEqual } from 'node:util'
import type { Actor, PrefetchRule, PrefetchRuleRequest, PrefetchTarget } from '@shoal/api'
import { type Clock, errorMessage, type Logger } from '@shoal/core'
import type { StateOperation, StateStore } from '@shoal/state'
import { seedError } from '../errors.ts'
import type { EventDraft, EventJournal } from '../events/event-journal.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { ImageRecord } from '../images/image-record.ts'
import type { CronTimes } from './cron-times.ts'
import { checkRule } from './rule-check.ts'
import { isMeant, publishedAt } from './rule-images.ts'
import { changedRule, newRule, type RuleRecord, toApiRule } from './rule-record.ts'

export interface RuleBookDeps {
  readonly state: Pick<StateStore, 'range'>
  readonly journal: Pick<EventJournal, 'append'>
  readonly catalogue: Pick<Catalogue, 'image' | 'images'>
  /** The one that tells when imports end. */
  readonly clock: Clock
  readonly logger: Logger
  /** Throws what a plan with this target is refused with. */
  checkTarget(target: PrefetchTarget): void
}

interface Entry {
  record: RuleRecord
  readonly times: CronTimes | undefined
}

const PREFIX = 'seed/rule/'
export const MAX_RULES = 1000
const MAX_WAITING = 1000
const MAX_TAKEN = 2000
/** A clock that is corrected by less makes nobody act twice; after more, times begin anew. */
const MAX_SET_BACK_MS = 60 * 60 * 1000

/**
 * The rules and which new images wait for each, in memory and durable. A change holds at once, and is durable when its
 * promise resolves.
 */
export class RuleBook {
  readonly #deps: RuleBookDeps
  readonly #rules = new Map<string, Entry>()

  constructor(deps: RuleBookDeps) {
    this.#deps = deps
  }

  /**
   * Reads the rules, and takes in images of which nobody could tell them. To be called once, when the catalogue is
   * open.
   */
  async open(): Promise<void> {
    for await (const { value } of this.#deps.state.range<RuleRecord>({ prefix: PREFIX })) {
      this.#rules.set(value.name, { record: value, times: this.#timesOf(value) })
    }
    await this.#takeIn(this.#deps.catalogue.images())
  }

  names(): string[] {
    return [...this.#rules.keys()].sort()
  }

  get(name: string): RuleRecord | undefined {
    return this.#rules.get(name)?.record
  }

  times(name: string): CronTimes | undefined {
    return this.#rules.get(name)?.times
  }

  /** When a rule acts next by time; milliseconds since the epoch. */
  nextMs(name: string): number | undefined {
    const { record, times } = this.#entry(name)
    return record.request.enabled ? times?.next(Date.parse(record.after)) : undefined
  }

  /** Throws `SHOAL_RULE_UNKNOWN`. */
  show(name: string): PrefetchRule {
    return toApiRule(this.#entry(name).record, this.nextMs(name))
  }

  /** Makes or replaces a rule. Throws `SHOAL_RULE_LIMIT`, or what {@link checkRule} throws, before any change. */
  async put(name: string, request: PrefetchRuleRequest, actor?: Actor): Promise<void> {
    const times = checkRule(request, this.#deps.checkTarget)
    const before = this.get(name)
    if (before !== undefined && isDeepStrictEqual(before.request, request)) return
    if (before === undefined && this.#rules.size >= MAX_RULES) throw seedError('SHOAL_RULE_LIMIT', { limit: MAX_RULES })
    const now = new Date(this.#deps.clock.now()).toISOString()
    const record = before === undefined ? newRule(name, request, now) : changedRule(before, request, now)
    const waiting = record.waiting.filter((id) => this.#isMeantStill(id, request))
    this.#rules.set(name, { record: { ...record, waiting }, times })
    const change = before === undefined ? 'made' : 'changed'
    await this.#deps.journal.append([changed(name, change, actor)], [this.#write(name)])
  }

  /** Throws `SHOAL_RULE_UNKNOWN`. */
  async remove(name: string, actor?: Actor): Promise<void> {
    this.#entry(name)
    this.#rules.delete(name)
    await this.#deps.journal.append([changed(name, 'removed', actor)], [{ type: 'delete', key: PREFIX + name }])
  }

  /** Changes how far a rule is; a rule that was removed meanwhile is left alone. */
  async update(name: string, edit: (record: RuleRecord) => RuleRecord, drafts: readonly EventDraft[] = []) {
    const entry = this.#rules.get(name)
    if (entry === undefined) return
    entry.record = edit(entry.record)
    await this.#deps.journal.append(drafts, [this.#write(name)])
  }

  /** Notes in memory alone up to when times are dealt with; it is durable with the next change. */
  pass(name: string, after: string): RuleRecord | undefined {
    const entry = this.#rules.get(name)
    if (entry !== undefined) entry.record = { ...entry.record, after }
    return entry?.record
  }

  /** Takes in an image if it is published, for the rules to which it is new. */
  async note(id: string): Promise<void> {
    const record = this.#deps.catalogue.image(id)
    if (record !== undefined) await this.#takeIn([record])
  }

  /** Takes in published images that a rule did not mean before. */
  async catchUp(name: string): Promise<void> {
    await this.#takeIn(this.#deps.catalogue.images(), [name])
  }

  /** Lets times that a wrong clock gave begin anew. */
  noticeClock(): void {
    const nowMs = this.#deps.clock.now()
    const now = new Date(nowMs).toISOString()
    const isAhead = (time: string) => Date.parse(time) - nowMs > MAX_SET_BACK_MS
    for (const entry of this.#rules.values()) {
      const { since, after } = entry.record
      if (!isAhead(since) && !isAhead(after)) continue
      entry.record = { ...entry.record, since: isAhead(since) ? now : since, after: isAhead(after) ? now : after }
    }
  }

  async #takeIn(images: readonly ImageRecord[], rules: Iterable<string> = this.#rules.keys()): Promise<void> {
    const published = images
      .flatMap((record) => ({ id: record.image.id, image: record.image, at: publishedAt(record) ?? '' }))
      .filter(({ at }) => at !== '')
      .sort((a, b) => (a.at < b.at ? -1 : 1))
    const operations: StateOperation[] = []
    for (const name of rules) {
      const entry = this.#rules.get(name)
      if (entry?.record.request.on !== 'new-image') continue
      const { request, since, taken, waiting } = entry.record
      const meant = published.filter(({ image, at }) => at > since && isMeant(request.images, image))
      if (meant.length === 0) continue
      const known = new Set([...taken, ...waiting])
      const fresh = meant.map(({ id }) => id).filter((id) => !known.has(id))
      if (fresh.length === 0) continue
      entry.record = this.#with(entry.record, fresh)
      operations.push(this.#write(name))
    }
    if (operations.length > 0) await this.#deps.journal.append([], operations)
  }

  /** The oldest of what was taken in are forgotten, and what was published before them is no longer new. */
  #with(record: RuleRecord, fresh: readonly string[]): RuleRecord {
    const taken = [...record.taken, ...fresh]
    const forgotten = taken.splice(0, Math.max(taken.length - MAX_TAKEN, 0))
    const times = forgotten.flatMap((id) => {
      const image = this.#deps.catalogue.image(id)
      return (image && publishedAt(image)) ?? []
    })
    const since = [record.since, ...times].reduce((a, b) => (a > b ? a : b))
    return { ...record, since, taken, waiting: [...record.waiting, ...fresh].slice(-MAX_WAITING) }
  }

  #isMeantStill(id: string, request: PrefetchRuleRequest): boolean {
    const record = this.#deps.catalogue.image(id)
    return record !== undefined && isMeant(request.images, record.image)
  }

  #timesOf({ name, request }: RuleRecord): CronTimes | undefined {
    try {
      return checkRule(request, () => {})
    } catch (error) {
      // A zone may go with an update of the system; the other rules do not suffer.
      this.#deps.logger.error({ rule: name, reason: errorMessage(error) }, 'a rule has no times any more')
      return undefined
    }
  }

  #entry(name: string): Entry {
    const entry = this.#rules.get(name)
    if (entry === undefined) throw seedError('SHOAL_RULE_UNKNOWN', { rule: name })
    return entry
  }

  #write(name: string): StateOperation {
    return { type: 'put', key: PREFIX + name, value: this.#entry(name).record }
  }
}

function changed(name: string, change: 'made' | 'changed' | 'removed', actor: Actor | undefined): EventDraft {
  return {
    type: 'rule.changed',
    actor,
    message: `Prefetch rule ${name} was ${change}.`,
    details: { rule: name, change },
  }
}
