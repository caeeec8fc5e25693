import type { Actor, Plan, PrefetchChange, PrefetchRequest } from '@shoal/api'
import { type Clock, errorMessage, type Logger } from '@shoal/core'
import { seedError } from '../errors.ts'
import type { PlanBook } from './plan-book.ts'
import type { PlanImages } from './plan-images.ts'
import type { CreateOptions, PlanMaker } from './plan-maker.ts'
import type { PlanReader, StoredPlan } from './plan-reader.ts'
import { isOfDownloads, isOver, type PlanRecord } from './plan-record.ts'
import { changedTerms, planTerms, requestHash } from './plan-request.ts'
import type { PlanRun } from './plan-run.ts'
import type { PlanRuns } from './plan-runs.ts'

export interface PrefetchPlansDeps {
  readonly book: PlanBook
  readonly runs: PlanRuns
  readonly reader: PlanReader
  readonly maker: PlanMaker
  readonly images: PlanImages
  readonly clock: Clock
  readonly logger: Logger
}

const MAX_ACTIVE = 200
const CANCELLED = new Error('the plan that wanted it was cancelled')

/** What is done to plans: they are made, changed, cancelled and begun anew. */
export class PrefetchPlans {
  readonly #deps: PrefetchPlansDeps
  /** By idempotency key. */
  readonly #creating = new Map<string, Promise<unknown>>()

  constructor(deps: PrefetchPlansDeps) {
    this.#deps = deps
  }

  /** Makes a plan and starts it. Throws `SHOAL_PLAN_*` and `SHOAL_IMAGE_*`, and keeps nothing then. */
  async create(request: PrefetchRequest, options: CreateOptions): Promise<StoredPlan> {
    const { book, reader } = this.#deps
    const hash = requestHash(request)
    const { idempotencyKey: key } = options
    if (key === undefined) return this.#create(request, hash, options)
    while (this.#creating.has(key)) await this.#creating.get(key)?.catch(() => {})
    const known = book.ofKey(key)
    if (known !== undefined) {
      if (known.requestHash !== hash) throw seedError('SHOAL_PLAN_IDEMPOTENCY', { plan: known.id })
      return reader.show(known.id)
    }
    const creating = this.#create(request, hash, options).finally(() => this.#creating.delete(key))
    this.#creating.set(key, creating)
    return await creating
  }

  /** What a plan would be, of which nothing is kept. Throws as {@link create}. */
  tryOut(request: PrefetchRequest): Promise<Plan> {
    return this.#deps.maker.tryOut(request, this.#deps.runs.moment())
  }

  /**
   * Changes a plan while it runs. Throws `SHOAL_PLAN_UNKNOWN`, `SHOAL_PLAN_ENDED`, `SHOAL_PLAN_OF_DOWNLOADS` and those of
   * a request.
   */
  async change(id: string, change: PrefetchChange, actor?: Actor): Promise<Plan> {
    const { clock, book, runs, maker, reader } = this.#deps
    this.#mustBeAskedFor(id)
    const run = await runs.ofPlan(id)
    await run.alone(async () => {
      const record = book.must(id)
      if (!runs.has(id) || isOver(record)) throw seedError('SHOAL_PLAN_ENDED', { plan: id, state: record.state })
      if (change.images !== undefined) maker.checkImages(change.images)
      const { paused, images = record.images, name = record.name, ...terms } = change
      const changed = { ...record, ...changedTerms(record, terms, clock.now()), ...withImages(record, images), name }
      const isOther = JSON.stringify(changed) !== JSON.stringify(record)
      const message = `Plan ${name} was changed.`
      if (isOther) await book.put(changed, [{ type: 'plan.changed', actor, message, details: { ...terms } }])
      if (paused === true && run.record.state !== 'paused') await run.move('paused', {}, actor)
      if (paused === false && run.record.state === 'paused') await run.move('running', {}, actor)
    })
    await run.settle(runs.moment())
    return reader.show(id)
  }

  /**
   * Stops a plan's transfers and ends its pins; nodes remove what they have of it if it `drops` it. One that is over stays in its
   * state. Of downloads only those are ended that are over. Throws `SHOAL_PLAN_UNKNOWN`, and `SHOAL_PLAN_OF_DOWNLOADS`
   * for downloads that run.
   */
  async cancel(id: string, { drops, actor }: { drops: boolean; actor?: Actor }): Promise<Plan> {
    const { book, runs, reader } = this.#deps
    if (isOfDownloads(book.must(id))) {
      await (await runs.ofDownloads(id)).cancel({ drops, actor })
      return reader.show(id)
    }
    const run = await runs.ofPlan(id)
    await run.alone(async () => {
      if (!isOver(run.record)) await run.move('cancelled', {}, actor)
      runs.drop(id)
      await run.release({ drops })
    })
    await this.#endImports(book.must(id), actor)
    return reader.show(id)
  }

  /**
   * Plans anew what is missing, whatever became of the plan. Throws `SHOAL_PLAN_UNKNOWN`, `SHOAL_PLAN_OF_DOWNLOADS`,
   * `SHOAL_PLAN_LIMIT`.
   */
  async retry(id: string, actor?: Actor): Promise<Plan> {
    const { clock, book, runs, reader } = this.#deps
    this.#mustBeAskedFor(id)
    const found = await runs.ofPlan(id)
    // It may have been forgotten, or another retry may have come first.
    const record = book.must(id)
    if (!runs.has(id)) this.#checkRoom()
    const run = runs.add(found)
    const future = (time: string | null) => (time !== null && Date.parse(time) > clock.now() ? time : null)
    const deadline = future(record.deadline)
    const expiresAt = future(record.expiresAt) ?? planTerms({ deadline }, clock.now()).expiresAt
    const pinnedUntil = future(record.pinnedUntil) ?? expiresAt
    await run.alone(async () => {
      const anew = { deadline, expiresAt, pinnedUntil, failures: {}, imports: [], isLate: false }
      await run.move('running', anew, actor)
      run.forget()
    })
    await run.settle(runs.moment())
    return reader.show(id)
  }

  async #create(request: PrefetchRequest, hash: string, options: CreateOptions): Promise<StoredPlan> {
    const { book, runs, maker, reader } = this.#deps
    const record = maker.record(request, hash, options)
    const { id, name, source } = record
    this.#checkRoom()
    const details = { source, images: request.images.length }
    const run = runs.begin(id)
    try {
      const message = `Plan ${name} was asked for.`
      await book.put(record, [{ type: 'plan.created', actor: options.actor, message, details }])
      runs.add(run)
      await run.settle(runs.moment())
      if (request.simulate === undefined) return reader.show(id)
      const { simulation } = await maker.plan(record, request, runs.moment())
      await book.put({ ...book.must(id), simulation }, [])
      return reader.show(id)
    } catch (error) {
      await this.#forget(run)
      throw error
    }
  }

  /** Takes back whatever came of a plan that could not be made. */
  async #forget(run: PlanRun): Promise<void> {
    const { book, runs, logger } = this.#deps
    const record = book.must(run.id)
    runs.drop(run.id)
    try {
      await run.alone(() => run.release())
      await this.#endImports(record)
    } catch (error) {
      logger.error({ plan: run.id, reason: errorMessage(error) }, 'a plan that failed was not taken back in full')
    } finally {
      await book.remove(run.id).catch(() => {})
    }
  }

  /** Ends imports of its images that a plan has asked for, be it another one, and no plan wants any more. */
  async #endImports(record: PlanRecord, actor?: Actor): Promise<void> {
    const { book, images, runs } = this.#deps
    const asked = new Set([record, ...book.list()].flatMap(({ imports }) => imports))
    for (const wanted of record.images) {
      const { image } = wanted
      const isComing = asked.has(image) && images.readiness(wanted, record).kind === 'importing'
      if (isComing && !runs.isWanted(image)) await images.cancel(image, CANCELLED, actor)
    }
  }

  #mustBeAskedFor(id: string): void {
    if (!isOfDownloads(this.#deps.book.must(id))) return
    const reason = 'nobody asked for it, so there is nothing to change or to try again'
    throw seedError('SHOAL_PLAN_OF_DOWNLOADS', { plan: id, reason })
  }

  #checkRoom(): void {
    if (this.#deps.runs.count >= MAX_ACTIVE) throw seedError('SHOAL_PLAN_LIMIT', { limit: MAX_ACTIVE })
  }
}

/** Images in place of those before; what one resolved to counts no more where another form of it is wanted. */
function withImages({ images: before, chains }: PlanRecord, images: PlanRecord['images']) {
  const formOf = (wanted: PlanRecord['images'], id: string) => {
    return wanted.find(({ image }) => image === id)?.form ?? 'boot'
  }
  const kept = Object.entries(chains).filter(([image]) => formOf(before, image) === formOf(images, image))
  return { images, chains: Object.fromEntries(kept) }
}
