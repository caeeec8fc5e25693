import type { Actor, EventType, PlanState } from '@shoal/api'
import type { StateOperation, StateStore } from '@shoal/state'
import { seedError } from '../errors.ts'
import type { EventDraft, EventJournal } from '../events/event-journal.ts'
import { isOfDownloads, isOver, PLANS, type PlanRecord, planKey } from './plan-record.ts'
import { type PlanTargets, readTargets, type StoredTargets, storedTargets, TARGETS } from './plan-targets.ts'

export interface PlanBookDeps {
  readonly state: StateStore
  readonly journal: Pick<EventJournal, 'append'>
}

/** How many plans are kept that are over. */
export interface PlanBookOptions {
  readonly kept: number
  /** Of those that are accounts of downloads. */
  readonly downloadsKept: number
}

const READY_TIMES = 'seed/plan-ready/'

/** What is told of a change of a plan. */
export interface PlanNews {
  readonly type: EventType
  /** Who did it; the seed itself when absent. */
  readonly actor?: Actor | undefined
  readonly message: string
  readonly details?: Record<string, unknown>
}

/** The plans in memory with their durable records. Each change is written together with the events that tell of it. */
export class PlanBook {
  readonly #deps: PlanBookDeps
  readonly #options: PlanBookOptions
  readonly #plans = new Map<string, PlanRecord>()
  readonly #byKey = new Map<string, string>()
  readonly #listeners = new Set<(plan: string) => void>()

  constructor(deps: PlanBookDeps, options: PlanBookOptions) {
    this.#deps = deps
    this.#options = options
  }

  async open(): Promise<void> {
    for await (const { value } of this.#deps.state.range<PlanRecord>({ prefix: PLANS })) this.#set(value)
  }

  get(id: string): PlanRecord | undefined {
    return this.#plans.get(id)
  }

  /** Throws `SHOAL_PLAN_UNKNOWN`. */
  must(id: string): PlanRecord {
    const plan = this.#plans.get(id)
    if (plan === undefined) throw seedError('SHOAL_PLAN_UNKNOWN', { plan: id })
    return plan
  }

  /** The plan that was made for an idempotency key. */
  ofKey(key: string): PlanRecord | undefined {
    return this.#plans.get(this.#byKey.get(key) ?? '')
  }

  /** Every plan, the newest first. */
  list(): PlanRecord[] {
    return [...this.#plans.values()].sort((a, b) => compare(b.createdAt, a.createdAt) || compare(a.id, b.id))
  }

  /** Changes a plan at once; resolves when that is durable, with the operations and in one step with them. */
  async put(plan: PlanRecord, news: readonly PlanNews[], operations: readonly StateOperation[] = []): Promise<void> {
    this.#set(plan)
    const drafts = news.map(({ details = {}, ...rest }): EventDraft => ({ ...rest, plan: plan.id, details }))
    const put: StateOperation = { type: 'put', key: planKey(plan.id), value: plan }
    for (const listener of this.#listeners) listener(plan.id)
    await this.#deps.journal.append(drafts, [put, ...operations])
  }

  /** The oldest of the plans that are over and more than are kept. */
  surplus(): PlanRecord[] {
    const { kept, downloadsKept } = this.#options
    const over = this.list().filter(isOver)
    const downloads = over.filter(isOfDownloads).slice(downloadsKept)
    return [...over.filter((plan) => !isOfDownloads(plan)).slice(kept), ...downloads]
  }

  /** Forgets a plan, in one step with the operations. */
  async remove(id: string, operations: readonly StateOperation[] = []): Promise<void> {
    const key = this.#plans.get(id)?.idempotencyKey
    if (key !== null && key !== undefined) this.#byKey.delete(key)
    this.#plans.delete(id)
    await this.#deps.journal.append(
      [],
      [
        { type: 'delete', key: planKey(id) },
        { type: 'delete', key: TARGETS + id },
        { type: 'delete', key: READY_TIMES + id },
        ...operations,
      ],
    )
  }

  async targets(id: string): Promise<PlanTargets> {
    const stored = await this.#deps.state.get<StoredTargets>(TARGETS + id)
    return stored === undefined ? new Map() : readTargets(stored.value)
  }

  /** The operation that makes a plan's targets durable. */
  putTargets(id: string, targets: PlanTargets): StateOperation {
    return { type: 'put', key: TARGETS + id, value: storedTargets(targets) }
  }

  /** When nodes were ready, as far as that was kept. Unix time in milliseconds. */
  async readyTimes(id: string): Promise<ReadonlyMap<string, number>> {
    const stored = await this.#deps.state.get<Readonly<Record<string, number>>>(READY_TIMES + id)
    return new Map(Object.entries(stored?.value ?? {}))
  }

  /** The operation that makes durable when nodes were ready. */
  putReadyTimes(id: string, times: ReadonlyMap<string, number>): StateOperation {
    return { type: 'put', key: READY_TIMES + id, value: Object.fromEntries(times) }
  }

  /** Calls the listener after every change of a plan, until the function that it returns is called. */
  onChange(listener: (plan: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #set(plan: PlanRecord): void {
    this.#plans.set(plan.id, plan)
    if (plan.idempotencyKey !== null) this.#byKey.set(plan.idempotencyKey, plan.id)
  }
}

/** What is told when a plan gets into a state. */
export const NEWS_OF_STATE: Readonly<Record<Exclude<PlanState, 'planned'>, EventType>> = {
  running: 'plan.running',
  paused: 'plan.paused',
  done: 'plan.done',
  'partly-done': 'plan.partly-done',
  cancelled: 'plan.cancelled',
  expired: 'plan.expired',
  failed: 'plan.failed',
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
