import { type Inventory, PLAN_NODE_STATES, type PlanNodeState, type PlanProgress } from '@shoal/api'
import { errorMessage } from '@shoal/core'
import { DownloadRun, type DownloadRunDeps } from './download-run.ts'
import { FleetClock } from './fleet-clock.ts'
import type { OriginTerms } from './layer-terms.ts'
import { heldLayers } from './node-progress.ts'
import { isOfDownloads, isOver, type PlanRecord } from './plan-record.ts'
import { PlanRun, type PlanRunOptions } from './plan-run.ts'
import { NO_PROGRESS } from './plan-view.ts'
import type { PlanWatch } from './plan-watch.ts'
import type { FleetMoment, RunningPlan } from './running-plan.ts'

export interface PlanRunsDeps extends DownloadRunDeps {
  /** Is told how urgently to give layers. */
  readonly origin: Pick<OriginTerms, 'set'>
  readonly watch: PlanWatch
}

/** Plans are looked at this often, and soon after news. */
const TICK_MS = 1000
const SOON_MS = 100

/** Carries out the plans that are under way, side by side, and keeps account of downloads. */
export class PlanRuns {
  readonly #deps: PlanRunsDeps
  readonly #options: PlanRunOptions
  readonly #runs = new Map<string, PlanRun>()
  readonly #downloads = new Map<string, DownloadRun>()
  readonly #fleet: FleetClock
  #isRung = false
  #wake: () => void = () => {}

  constructor(deps: PlanRunsDeps, options: PlanRunOptions) {
    this.#deps = deps
    this.#options = options
    this.#fleet = new FleetClock(deps, options)
    deps.book.onChange((plan) => deps.watch.wake(plan))
  }

  /** Takes up the plans that were under way. */
  async open(): Promise<void> {
    for (const record of this.#deps.book.list()) {
      if (isOver(record)) continue
      if (isOfDownloads(record)) this.#downloads.set(record.id, await this.ofDownloads(record.id))
      else this.#runs.set(record.id, await this.ofPlan(record.id))
    }
  }

  /** Plans that were asked for. */
  get count(): number {
    return this.#runs.size
  }

  has(id: string): boolean {
    return this.#runs.has(id)
  }

  /** Takes a plan in, to be carried out from now on; gives the run that carries it out, which may have been there before. */
  add(run: PlanRun): PlanRun {
    const running = this.#runs.get(run.id) ?? run
    this.#runs.set(run.id, running)
    return running
  }

  /** Stops carrying a plan out. */
  drop(id: string): void {
    this.#runs.delete(id)
  }

  /** A plan that nothing is known of yet. */
  begin(id: string): PlanRun {
    return new PlanRun(id, this.#deps, this.#options)
  }

  /** That of a plan under way; of one that is over, one that begins with what is kept of it. */
  async ofPlan(id: string): Promise<PlanRun> {
    const running = this.#runs.get(id)
    if (running !== undefined) return running
    const run = this.begin(id)
    await run.open()
    return run
  }

  /** Downloads that are under way. */
  get downloads(): DownloadRun[] {
    return [...this.#downloads.values()]
  }

  /** Keeps account of downloads from now on; nothing is known of them yet. */
  beginDownloads(id: string): DownloadRun {
    const run = new DownloadRun(id, this.#deps, this.#options)
    this.#downloads.set(id, run)
    return run
  }

  /** Keeps account of downloads that were over. */
  resumeDownloads(run: DownloadRun): void {
    this.#downloads.set(run.id, run)
  }

  /** As {@link ofPlan}, of downloads. */
  async ofDownloads(id: string): Promise<DownloadRun> {
    const running = this.#downloads.get(id)
    if (running !== undefined) return running
    const run = new DownloadRun(id, this.#deps, this.#options)
    await run.open()
    return run
  }

  /** Nodes of a plan by state. */
  counts({ id, finalProgress }: PlanRecord): PlanProgress['nodes'] {
    return this.#running(id)?.account.counts() ?? (finalProgress ?? NO_PROGRESS).nodes
  }

  progress(record: PlanRecord): PlanProgress {
    // What an earlier version has kept may say less.
    return this.#running(record.id)?.account.progress() ?? { ...NO_PROGRESS, ...record.finalProgress }
  }

  /** Nodes of all plans that were asked for and are under way, by state. */
  countNodes(): Record<PlanNodeState, number> {
    const sum = { waiting: 0, fetching: 0, ready: 0, failed: 0, excluded: 0 }
    for (const run of this.#runs.values()) {
      const counts = run.account.counts()
      for (const state of PLAN_NODE_STATES) sum[state] += counts[state]
    }
    return sum
  }

  /** Whether another plan that is under way wants an image. */
  isWanted(image: string): boolean {
    return this.#all().some(({ record }) => {
      const isMoving = !isOfDownloads(record) || record.state === 'running'
      return isMoving && record.images.some((wanted) => wanted.image === image)
    })
  }

  /** Who is there now. */
  moment(): FleetMoment {
    return this.#fleet.now()
  }

  /** Carries plans out until aborted. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { clock } = this.#deps
    while (!signal.aborted) {
      this.#isRung = false
      await this.tick()
      await clock.sleep(SOON_MS, { signal }).catch(() => {})
      if (this.#isRung) continue
      const woken = new AbortController()
      this.#wake = () => woken.abort()
      const stop = AbortSignal.any([signal, woken.signal])
      await clock.sleep(TICK_MS - SOON_MS, { signal: stop }).catch(() => {})
    }
  }

  /** Does what is due now for every plan. Never throws. */
  async tick(): Promise<void> {
    const moment = this.moment()
    await Promise.all(this.#all().map((run) => run.tick(moment)))
    for (const runs of [this.#runs, this.#downloads]) {
      for (const [id, run] of runs) if (isOver(run.record)) runs.delete(id)
    }
    this.#deps.origin.set([...this.#runs.values()].map(({ givingTerms }) => givingTerms))
    try {
      await this.#tidy()
    } catch (error) {
      this.#deps.logger.error({ reason: errorMessage(error), error }, 'plans that are over could not be tidied up')
    }
  }

  /** A node has told what it holds. */
  onReport(node: string, inventory: Inventory): void {
    const runs = this.#all()
    if (runs.length === 0) return
    const held = heldLayers(inventory)
    for (const run of runs) {
      const news = run.report(node, held)
      if (news === undefined) continue
      this.#deps.watch.wake(run.id)
      if (news.isOther) this.look()
    }
  }

  /** A node was taken out of the fleet. */
  onRemoved(node: string): void {
    for (const run of this.#all()) run.forgetNode(node)
  }

  /** Something happened that plans may depend on, such as that an image was imported: they are looked at soon. */
  look(): void {
    this.#isRung = true
    this.#wake()
  }

  /** Ends the pins of plans that are over when their time has come, and forgets those that are more than are kept. */
  async #tidy(): Promise<void> {
    const { book, clock, downloadNodes } = this.#deps
    const now = clock.now()
    const surplus = book.surplus()
    const due = book.list().filter((record) => isOver(record) && record.isHeld && Date.parse(record.pinnedUntil) <= now)
    for (const { id } of [...due, ...surplus.filter(({ isHeld }) => isHeld)]) await this.begin(id).release()
    for (const { id } of surplus) await book.remove(id, await downloadNodes.forget(id))
  }

  #all(): RunningPlan[] {
    return [...this.#runs.values(), ...this.#downloads.values()]
  }

  #running(id: string): RunningPlan | undefined {
    return this.#runs.get(id) ?? this.#downloads.get(id)
  }
}
