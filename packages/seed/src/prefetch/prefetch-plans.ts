import { randomBytes } from 'node:crypto'
import type {
  Inventory,
  Plan,
  PlanNode,
  PlanProgress,
  PlanState,
  PlanSummary,
  PlanUpdate,
  PrefetchChange,
  PrefetchRequest,
  WaitResult,
} from '@shoal/api'
import { ENDED_PLAN_STATES } from '@shoal/api'
import { type Digest, errorMessage } from '@shoal/core'
import { seedError } from '../errors.ts'
import { checkActive } from '../imports/import-image.ts'
import { FleetClock } from './fleet-clock.ts'
import { FleetProgress } from './fleet-progress.ts'
import type { OriginTerms } from './layer-terms.ts'
import { heldLayers } from './node-progress.ts'
import { isOver, type PlanRecord } from './plan-record.ts'
import { changedTerms, checkImages, isoTime, planTerms, requestHash } from './plan-request.ts'
import { PlanRun, type PlanRunDeps, type PlanRunOptions } from './plan-run.ts'
import { toApiPlan, toApiSummary } from './plan-view.ts'
import { PlanWatch } from './plan-watch.ts'
import { planAnew } from './planning.ts'
import type { SlowContext } from './slow-reason.ts'

export interface PrefetchPlansDeps extends PlanRunDeps {
  /** Is told how urgently to give layers. */
  readonly origin: Pick<OriginTerms, 'set'>
}

/** A plan that is kept, and therefore has a name. */
export type StoredPlan = Plan & { readonly id: string }

export interface CreateOptions {
  /** `api`, or `rule:NAME`. */
  readonly source: string
  readonly idempotencyKey?: string | undefined
}

const MAX_ACTIVE = 200
/** Plans are looked at this often, and soon after news. */
const TICK_MS = 1000
const SOON_MS = 100
/** A reader of a stream gets no more than one message in this time. */
const STREAM_GAP_MS = 1000
const STREAM_IDLE_MS = 10_000
const CANCELLED = new Error('the plan that wanted it was cancelled')

/** The prefetch plans: takes requests, carries them out side by side, and says how far they are. */
export class PrefetchPlans {
  readonly #deps: PrefetchPlansDeps
  readonly #options: PlanRunOptions
  readonly #runs = new Map<string, PlanRun>()
  readonly #creating = new Map<string, Promise<unknown>>()
  readonly #watch: PlanWatch
  readonly #fleet: FleetClock
  #ring: () => void = () => {}

  constructor(deps: PrefetchPlansDeps, options: PlanRunOptions) {
    this.#deps = deps
    this.#options = options
    this.#watch = new PlanWatch(deps.clock)
    this.#fleet = new FleetClock(deps, options)
    deps.book.onChange((plan) => this.#watch.wake(plan))
  }

  /** Takes up the plans that were under way. */
  async open(): Promise<void> {
    for (const record of this.#deps.book.list()) {
      if (isOver(record)) continue
      const run = this.#newRun(record.id)
      await run.open()
      this.#runs.set(record.id, run)
    }
  }

  /** Carries plans out until aborted. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { clock } = this.#deps
    while (!signal.aborted) {
      await this.tick()
      await clock.sleep(SOON_MS, { signal }).catch(() => {})
      const rung = new Promise<void>((resolve) => {
        this.#ring = resolve
      })
      const slept = new AbortController()
      const stop = AbortSignal.any([signal, slept.signal])
      await Promise.race([rung, clock.sleep(TICK_MS - SOON_MS, { signal: stop }).catch(() => {})])
      slept.abort()
    }
  }

  /** Does what is due now for every plan. Never throws. */
  async tick(): Promise<void> {
    const moment = this.#fleet.now()
    await Promise.all([...this.#runs.values()].map((run) => run.tick(moment)))
    for (const [id, run] of this.#runs) if (isOver(run.record)) this.#runs.delete(id)
    this.#deps.origin.set([...this.#runs.values()].map(({ givingTerms }) => givingTerms))
    try {
      await this.#tidy()
    } catch (error) {
      this.#deps.logger.error({ reason: errorMessage(error), error }, 'plans that are over could not be tidied up')
    }
  }

  /** A node has told what it holds. */
  onReport(node: string, inventory: Inventory): void {
    if (this.#runs.size === 0) return
    const held = heldLayers(inventory)
    for (const [id, run] of this.#runs) {
      const { ready } = run.counts()
      if (!run.report(node, held)) continue
      this.#watch.wake(id)
      if (run.counts().ready !== ready) this.#ring()
    }
  }

  /** Something happened that plans may depend on, such as that an image was imported. */
  look(): void {
    this.#ring()
  }

  /** Makes a plan and starts it. Throws `SHOAL_PLAN_*` and `SHOAL_IMAGE_*`, and keeps nothing then. */
  async create(request: PrefetchRequest, options: CreateOptions): Promise<StoredPlan> {
    const hash = requestHash(request)
    const { idempotencyKey: key } = options
    if (key === undefined) return this.#create(request, hash, options)
    await this.#creating.get(key)?.catch(() => {})
    const known = this.#deps.book.ofKey(key)
    if (known !== undefined) {
      if (known.requestHash !== hash) throw seedError('SHOAL_PLAN_IDEMPOTENCY', { plan: known.id })
      return this.show(known.id)
    }
    const creating = this.#create(request, hash, options)
    this.#creating.set(key, creating)
    return await creating.finally(() => this.#creating.delete(key))
  }

  /** What a plan would be, of which nothing is kept. Throws as {@link create}. */
  async tryOut(request: PrefetchRequest): Promise<Plan> {
    const { catalogue, registry, clock } = this.#deps
    const record = this.#newRecord(request, '', { source: 'api' })
    const { outcome, simulation, targets, toCome } = await this.#plan(record, request)
    const progress = new FleetProgress()
    const sizeOf = (layer: Digest) => catalogue.layer(layer)?.sizeBytes ?? toCome.get(layer) ?? 0
    const heldBy = (node: string) => heldLayers(registry.get(node)?.inventory ?? null)
    progress.setTargets(targets, sizeOf, heldBy, clock.now())
    const summary = progress.summary(AT_REST, clock.now())
    return toApiPlan({ ...record, ...outcome, simulation }, { ...summary, slowest: [] }, true)
  }

  /** Every plan, the newest first. */
  list(state?: PlanState): PlanSummary[] {
    const records = this.#deps.book.list().filter((record) => state === undefined || record.state === state)
    return records.map((record) => toApiSummary(record, this.#progressOf(record)))
  }

  /** Throws `SHOAL_PLAN_UNKNOWN`. */
  show(id: string): StoredPlan {
    const record = this.#deps.book.must(id)
    return { ...toApiPlan(record, this.#progressOf(record)), id }
  }

  state(id: string): PlanState | undefined {
    return this.#deps.book.get(id)?.state
  }

  /** The nodes of a plan, by name. Throws `SHOAL_PLAN_UNKNOWN`. */
  async nodes(id: string): Promise<PlanNode[]> {
    this.#deps.book.must(id)
    return (await this.#runOf(id)).nodes()
  }

  /** Changes a plan while it runs. Throws `SHOAL_PLAN_UNKNOWN`, `SHOAL_PLAN_ENDED` and those of a request. */
  async change(id: string, change: PrefetchChange): Promise<Plan> {
    const { clock, book } = this.#deps
    const record = book.must(id)
    const run = this.#runs.get(id)
    if (run === undefined || isOver(record)) throw seedError('SHOAL_PLAN_ENDED', { plan: id, state: record.state })
    if (change.images !== undefined) {
      checkImages(change.images)
      this.#checkKnown(change.images)
    }
    const { paused, images = record.images, name = record.name, ...terms } = change
    const changed = { ...record, ...changedTerms(record, terms, clock.now()), images, name }
    const isOther = JSON.stringify(changed) !== JSON.stringify(record)
    const news = [{ type: 'plan.changed', message: `Plan ${name} was changed.`, details: { ...terms } } as const]
    if (isOther) await book.put(changed, news)
    if (paused === true && record.state !== 'paused') await run.move('paused')
    if (paused === false && record.state === 'paused') await run.move('running')
    await run.settle(this.#fleet.now())
    return this.show(id)
  }

  /**
   * Stops a plan's transfers and ends its pins; nodes remove what they have of it if it `drops` it. One that is over stays in its
   * state. Throws `SHOAL_PLAN_UNKNOWN`.
   */
  async cancel(id: string, { drops }: { drops: boolean }): Promise<Plan> {
    const { book, images } = this.#deps
    const record = book.must(id)
    const run = await this.#runOf(id)
    if (!isOver(record)) await run.move('cancelled')
    this.#runs.delete(id)
    await run.release({ drops })
    for (const image of record.imports) {
      const isWanted = [...this.#runs.values()].some((other) => other.record.images.some((one) => one.image === image))
      const isComing = images.readiness(image, record).kind === 'importing'
      if (isComing && !isWanted) await images.cancel(image, CANCELLED)
    }
    return this.show(id)
  }

  /** Plans anew what is missing, whatever became of the plan. Throws `SHOAL_PLAN_UNKNOWN`, `SHOAL_PLAN_LIMIT`. */
  async retry(id: string): Promise<Plan> {
    const { clock, book } = this.#deps
    const record = book.must(id)
    const run = await this.#runOf(id)
    if (!this.#runs.has(id)) this.#checkRoom()
    this.#runs.set(id, run)
    const future = (time: string | null) => (time !== null && Date.parse(time) > clock.now() ? time : null)
    const { expiresAt: end } = planTerms({ deadline: future(record.deadline) }, clock.now())
    const expiresAt = future(record.expiresAt) ?? end
    await run.move('running', {
      deadline: future(record.deadline),
      expiresAt,
      pinnedUntil: future(record.pinnedUntil) ?? expiresAt,
      failures: {},
      imports: [],
      isLate: false,
    })
    run.forget()
    await run.settle(this.#fleet.now())
    return this.show(id)
  }

  /** Waits until a share of the nodes is ready, the plan is over, or the time is. Throws `SHOAL_PLAN_UNKNOWN`. */
  async wait(
    id: string,
    { readyShare, timeoutMs, signal }: { readyShare: number; timeoutMs: number; signal: AbortSignal },
  ): Promise<WaitResult> {
    const { clock, book } = this.#deps
    const until = clock.now() + timeoutMs
    while (true) {
      const record = book.must(id)
      const progress = this.#progressOf(record)
      const { ready, total } = progress.nodes
      const isEnded = ENDED_PLAN_STATES.includes(record.state) || record.state === 'partly-done'
      const reached = record.state === 'done' || (total > 0 && ready >= Math.ceil(total * readyShare - 1e-9))
      const left = until - clock.now()
      if (reached || isEnded || left <= 0 || signal.aborted) {
        return { reached, isEnded, plan: toApiSummary(record, progress) }
      }
      await this.#watch.news(id, { timeoutMs: left, signal })
    }
  }

  /** How far a plan is, at once and after every change, until it is over. Throws `SHOAL_PLAN_UNKNOWN`. */
  async *watch(id: string, { signal }: { signal: AbortSignal }): AsyncGenerator<PlanUpdate> {
    const { book, clock } = this.#deps
    while (!signal.aborted) {
      const record = book.must(id)
      yield { state: record.state, error: record.error, progress: this.#progressOf(record) }
      if (isOver(record)) return
      const news = this.#watch.news(id, { timeoutMs: STREAM_IDLE_MS, signal })
      await clock.sleep(STREAM_GAP_MS, { signal }).catch(() => {})
      // News that came in that gap are in what is read next, and end the wait here.
      await news
    }
  }

  async #create(request: PrefetchRequest, hash: string, options: CreateOptions): Promise<StoredPlan> {
    const { book } = this.#deps
    const record = this.#newRecord(request, hash, options)
    this.#checkRoom()
    const run = this.#newRun(record.id)
    const message = `Plan ${record.name} was asked for.`
    const details = { source: record.source, images: request.images.length }
    this.#runs.set(record.id, run)
    await book.put(record, [{ type: 'plan.created', message, details }])
    await run.settle(this.#fleet.now())
    this.#ring()
    if (request.simulate === undefined) return this.show(record.id)
    const { simulation } = await this.#plan(record, request)
    await book.put({ ...book.must(record.id), simulation }, [])
    return this.show(record.id)
  }

  #newRecord(request: PrefetchRequest, hash: string, { source, idempotencyKey }: CreateOptions): PlanRecord {
    const { images } = request
    checkImages(images)
    this.#checkKnown(images)
    const now = this.#deps.clock.now()
    return {
      ...EMPTY,
      ...planTerms(request, now),
      id: `plan-${randomBytes(5).toString('hex')}`,
      name: request.name ?? this.#nameOf(request),
      source,
      idempotencyKey: idempotencyKey ?? null,
      requestHash: hash,
      images,
      createdAt: isoTime(now),
    }
  }

  #plan(record: PlanRecord, { simulate }: PrefetchRequest) {
    const { isHere } = this.#fleet.now()
    return planAnew(this.#deps, record, { before: new Map(), isHere, isStored: false, simulate })
  }

  #nameOf({ images }: PrefetchRequest): string {
    const [first] = images
    const name = first === undefined ? '' : this.#deps.images.name(first.image)
    return (images.length > 1 ? `${name} and ${images.length - 1} more` : name).slice(0, 100)
  }

  #checkKnown(images: PrefetchRequest['images']): void {
    for (const { image } of images) {
      const record = this.#deps.catalogue.image(image)
      if (record === undefined) throw seedError('SHOAL_IMAGE_UNKNOWN', { image })
      checkActive(image, record.deletedAt === null ? record.image : undefined)
    }
  }

  #checkRoom(): void {
    if (this.#runs.size >= MAX_ACTIVE) throw seedError('SHOAL_PLAN_LIMIT', { limit: MAX_ACTIVE })
  }

  #progressOf(record: PlanRecord): PlanProgress {
    return this.#runs.get(record.id)?.progress() ?? record.finalProgress ?? EMPTY_PROGRESS
  }

  /** That of a plan under way; of one that is over, one that begins with what is kept of it. */
  async #runOf(id: string): Promise<PlanRun> {
    const running = this.#runs.get(id)
    if (running !== undefined) return running
    const run = this.#newRun(id)
    await run.open()
    return run
  }

  #newRun(id: string): PlanRun {
    return new PlanRun(id, this.#deps, this.#options)
  }

  /** Ends the pins of plans that are over when their time has come, and forgets those that are more than are kept. */
  async #tidy(): Promise<void> {
    const { book, clock } = this.#deps
    const now = clock.now()
    const surplus = book.surplus()
    const due = book.list().filter((record) => isOver(record) && record.isHeld && Date.parse(record.pinnedUntil) <= now)
    for (const { id } of [...due, ...surplus.filter(({ isHeld }) => isHeld)]) await this.#newRun(id).release()
    for (const { id } of surplus) await book.remove(id)
  }
}

/** The context of a plan that nobody carries out. */
const AT_REST: SlowContext = {
  isPaused: false,
  notBefore: null,
  toCome: new Set(),
  nodeLimit: () => null,
  medianRate: 0,
}

const EMPTY_PROGRESS: PlanProgress = {
  nodes: { total: 0, waiting: 0, fetching: 0, ready: 0, failed: 0, excluded: 0 },
  wantedBytes: 0,
  presentBytes: 0,
  bytesPerSecond: 0,
  estimatedFinishAt: null,
  slowest: [],
}

/** A plan before anything is known of it. */
const EMPTY = {
  state: 'planned',
  error: null,
  startedAt: null,
  finishedAt: null,
  isLate: false,
  isHeld: false,
  finalProgress: null,
  chains: {},
  failures: {},
  imports: [],
  simulation: null,
  prediction: {
    finishAt: null,
    seconds: null,
    fluidBoundSeconds: 0,
    limitedBy: 'nothing',
    bytes: { libraryToSeed: 0, seedToNode: 0, inRack: 0, crossRack: 0 },
  },
  waves: [],
  placements: [],
  evictions: [],
  unmet: [],
} as const satisfies Partial<PlanRecord>
