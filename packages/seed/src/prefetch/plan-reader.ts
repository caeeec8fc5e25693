import {
  PLAN_STATES,
  type Plan,
  type PlanKind,
  type PlanNode,
  type PlanState,
  type PlanSummary,
  type PlanUpdate,
  type WaitResult,
} from '@shoal/api'

import type { Clock } from '@shoal/core'
import type { PlanBook } from './plan-book.ts'
import { isOfDownloads, isOver } from './plan-record.ts'
import type { PlanRuns } from './plan-runs.ts'
import { toApiPlan, toApiSummary } from './plan-view.ts'
import type { PlanWatch } from './plan-watch.ts'

export interface PlanReaderDeps {
  readonly book: PlanBook
  readonly runs: PlanRuns
  readonly watch: PlanWatch
  readonly clock: Clock
}

/** A plan that is kept, and therefore has a name. */
export type StoredPlan = Plan & { readonly id: string }

/** A reader of a stream gets no more than one message in this time, and looks again after that one without news. */
const STREAM_GAP_MS = 1000
const STREAM_IDLE_MS = 10_000
const ROUNDING = 1e-9

/** Says how plans are. Its methods throw `SHOAL_PLAN_UNKNOWN`. */
export class PlanReader {
  readonly #deps: PlanReaderDeps

  constructor(deps: PlanReaderDeps) {
    this.#deps = deps
  }

  /** Every plan, the newest first. */
  list({ state, kind }: { state?: PlanState | undefined; kind?: PlanKind | undefined } = {}): PlanSummary[] {
    const { book, runs } = this.#deps
    const records = book.list().filter((record) => {
      const isOfKind = kind === undefined || (kind === 'download') === isOfDownloads(record)
      return isOfKind && (state === undefined || record.state === state)
    })
    return records.map((record) => toApiSummary(record, runs.progress(record)))
  }

  show(id: string): StoredPlan {
    const { book, runs } = this.#deps
    const record = book.must(id)
    return { ...toApiPlan(record, runs.progress(record)), id }
  }

  state(id: string): PlanState | undefined {
    return this.#deps.book.get(id)?.state
  }

  /** Plans that were asked for. */
  countByState(): Record<PlanState, number> {
    const counts = Object.fromEntries(PLAN_STATES.map((state) => [state, 0])) as Record<PlanState, number>
    for (const plan of this.#deps.book.list()) if (!isOfDownloads(plan)) counts[plan.state] += 1
    return counts
  }

  /** The nodes of a plan, by name. */
  async nodes(id: string): Promise<PlanNode[]> {
    const { book, runs } = this.#deps
    const run = isOfDownloads(book.must(id)) ? runs.ofDownloads(id) : runs.ofPlan(id)
    return (await run).account.nodes()
  }

  /** Waits until a share of the nodes is ready, the plan is over, or the time is. */
  async wait(
    id: string,
    { readyShare, timeoutMs, signal }: { readyShare: number; timeoutMs: number; signal: AbortSignal },
  ): Promise<WaitResult> {
    const { clock, book, runs, watch } = this.#deps
    const until = clock.elapsed() + timeoutMs
    while (true) {
      const record = book.must(id)
      const { ready, total } = runs.counts(record)
      const isEnded = isOver(record) || record.state === 'partly-done'
      const reached = record.state === 'done' || (total > 0 && ready >= Math.ceil(total * readyShare - ROUNDING))
      const left = until - clock.elapsed()
      if (reached || isEnded || left <= 0 || signal.aborted) {
        return { reached, isEnded, plan: toApiSummary(record, runs.progress(record)) }
      }
      await watch.news(id, { timeoutMs: left, signal })
    }
  }

  /** How far a plan is, at once and after every change, until it is over. */
  async *updates(id: string, { signal }: { signal: AbortSignal }): AsyncGenerator<PlanUpdate> {
    const { book, clock, runs, watch } = this.#deps
    while (!signal.aborted) {
      const record = book.must(id)
      yield { state: record.state, error: record.error, progress: runs.progress(record) }
      if (isOver(record)) return
      const news = watch.news(id, { timeoutMs: STREAM_IDLE_MS, signal })
      await clock.sleep(STREAM_GAP_MS, { signal }).catch(() => {})
      // News that came in that gap are in what is read next, and end the wait here.
      await news
    }
  }
}
