import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Actor, LayerInventory, PlanState } from '@shoal/api'
import { type Digest, errorMessage, type Logger } from '@shoal/core'
import { seedError } from '../errors.ts'
import type { EventJournal } from '../events/event-journal.ts'
import { toErrorBody } from '../images/image-record.ts'
import type { Assignments } from '../nodes/assignments.ts'
import { ClaimWriter } from './claim-writer.ts'
import { FleetProgress } from './fleet-progress.ts'
import { type GivingTerms, termsOfClaims } from './layer-terms.ts'
import { heldLayers } from './node-progress.ts'
import { PlanAccount } from './plan-account.ts'
import type { PlanBook } from './plan-book.ts'
import { planClaims } from './plan-claims.ts'
import { isOver, type PlanRecord } from './plan-record.ts'
import { nextState } from './plan-state.ts'
import type { PlanTargets } from './plan-targets.ts'
import { movedPlan, newsOf } from './plan-transition.ts'
import { type PlanningDeps, planAnew } from './planning.ts'
import { PresenceWatch } from './presence-watch.ts'
import type { FleetMoment, RunningPlan } from './running-plan.ts'
import { ShareKeeper } from './share-keeper.ts'
import type { SlowContext } from './slow-reason.ts'
import { layerSizes } from './wave-progress.ts'

export interface PlanRunDeps extends PlanningDeps {
  readonly book: PlanBook
  readonly journal: Pick<EventJournal, 'append'>
  readonly assignments: Assignments
  readonly logger: Logger
}

export interface PlanRunOptions {
  /** How long a node may be away before the plan goes on without it. */
  readonly excludeAfterMs: number
}

/** No plan is planned anew more often, however much nodes come and go. */
const REPLAN_MS = 5000
const ENDED = 'It had to make room, or an operator took it back, which ended an assignment; retry the plan.'
/** What could not be met is tried again this often. */
const UNMET_MS = 60_000

/** Carries out one plan: keeps what is wanted of nodes in step with images and fleet, and says how far they are. */
export class PlanRun implements RunningPlan {
  readonly id: string
  readonly #deps: PlanRunDeps
  readonly #options: PlanRunOptions
  readonly account: PlanAccount
  readonly #progress: FleetProgress
  readonly #presence: PresenceWatch
  readonly #shares: ShareKeeper
  readonly #claims: ClaimWriter
  #targets: PlanTargets = new Map()
  #toCome: ReadonlyMap<Digest, number> = new Map()
  /** What it was planned from last, and when. */
  #planned: { readonly key: string; readonly images: object; readonly version: number; readonly at: number } | undefined
  /** What the claims were made from that hold. */
  #claimed: { readonly key: string; readonly targets: PlanTargets } | undefined
  #givingTerms: ReadonlyMap<Digest, GivingTerms> = new Map()
  #isBusy: Promise<void> | undefined

  constructor(id: string, deps: PlanRunDeps, options: PlanRunOptions) {
    this.id = id
    this.#deps = deps
    this.#options = options
    this.#claims = new ClaimWriter(id, deps)
    this.#progress = new FleetProgress({ isEnded: (node, layer) => this.#claims.hasEnded(node, layer) })
    this.#presence = new PresenceWatch(this.#progress)
    const { clock } = deps
    this.account = new PlanAccount({ progress: this.#progress, clock, slowContext: () => this.#slowContext() })
    this.#shares = new ShareKeeper(deps.clock)
  }

  /** Reads what was wanted of nodes before a restart. */
  async open(): Promise<void> {
    const { book } = this.#deps
    this.#targets = await book.targets(this.id)
    this.#progress.recall(await book.readyTimes(this.id))
    this.#takeTargets(this.#targets)
  }

  get record(): PlanRecord {
    return this.#deps.book.must(this.id)
  }

  /** How urgently the origin is to give each of its layers. */
  get givingTerms(): ReadonlyMap<Digest, GivingTerms> {
    return this.#givingTerms
  }

  /** A node has told what it holds; whether its state is another now. Undefined: it is none of the plan's. */
  report(node: string, held: ReadonlyMap<string, LayerInventory>): { isOther: boolean } | undefined {
    return this.#progress.report(node, held, this.#deps.clock.now())
  }

  /** Does what is due now, unless that is under way already. Never throws. */
  tick(moment: FleetMoment): Promise<void> {
    return this.#isBusy ?? this.settle(moment)
  }

  /** As {@link tick}, but begins after one that is under way. */
  settle(moment: FleetMoment): Promise<void> {
    return this.alone(() =>
      this.#tick(moment).catch((error: unknown) => {
        this.#deps.logger.error({ plan: this.id, reason: errorMessage(error), error }, 'a plan could not go on')
      }),
    )
  }

  /** Runs a task while no tick is under way, and keeps ticks out until it has ended. */
  async alone(task: () => Promise<void>): Promise<void> {
    while (this.#isBusy !== undefined) await this.#isBusy
    const run = task()
    this.#isBusy = run
      .catch(() => {})
      .finally(() => {
        this.#isBusy = undefined
      })
    await run
  }

  /** Lets it be planned anew at the next tick, and what nodes had to give up be wanted again. */
  forget(): void {
    this.#planned = undefined
    this.#claimed = undefined
    this.#claims.forget()
  }

  /** A node was taken out of the fleet: if it comes back, it is asked anew. */
  forgetNode(node: string): void {
    this.#claimed = undefined
    this.#claims.forgetNode(node)
  }

  /** Takes everything back that it wanted of nodes; they keep what they have for as long as it is worth it, unless it `drops` it. */
  async release(options: { drops?: boolean } = {}): Promise<void> {
    this.#claimed = undefined
    await this.#claims.write(new Map(), options)
    const { record } = this
    if (record.isHeld) await this.#deps.book.put({ ...record, isHeld: false }, [])
  }

  async #tick(moment: FleetMoment): Promise<void> {
    const { clock } = this.#deps
    if (isOver(this.record)) return
    const now = clock.now()
    if (Date.parse(this.record.expiresAt) <= now) return this.#expire()
    await this.#tellPresence(moment)
    await this.#askImages()
    await this.#replan(moment)
    if (isOver(this.record)) return
    await this.#writeClaims()
    await this.#tellLate(now)
    const next = nextState(this.record, {
      rows: this.#progress.rows,
      now,
      isImporting: this.#toCome.size > 0,
      isStale: this.#planned?.version !== moment.version,
      patienceMs: this.#options.excludeAfterMs,
    })
    if (next !== undefined) await this.move(next.state, { error: next.error })
    if (next?.state === 'failed') await this.release()
  }

  async #expire(): Promise<void> {
    const error = seedError('SHOAL_PLAN_EXPIRED', { plan: this.id, time: this.record.expiresAt })
    await this.move('expired', { error: toErrorBody(error) })
    await this.release()
  }

  /** Brings the plan into a state; by an operator's word it may be changed on the way. */
  async move(state: PlanState, change: Partial<PlanRecord> = {}, actor?: Actor): Promise<void> {
    const { clock, book } = this.#deps
    const options = { change, nowMs: clock.now(), progress: () => this.account.progress() }
    const moved = movedPlan(this.record, state, options)
    const readyTimes = book.putReadyTimes(this.id, this.#progress.readyTimes())
    await book.put(moved, newsOf(moved, this.account.counts(), actor), [readyTimes])
  }

  async #tellPresence(moment: FleetMoment): Promise<void> {
    const news = this.#presence.look(moment)
    if (news.length > 0) await this.#deps.book.put(this.record, news)
  }

  async #askImages(): Promise<void> {
    const { images, book } = this.#deps
    for (const wanted of this.record.images) {
      const { record } = this
      const { image, priority = record.priority } = wanted
      if (record.failures[image] !== undefined) continue
      const readiness = images.readiness(wanted, record)
      if (readiness.kind === 'importing' && !readiness.isAsked) {
        try {
          await images.request(image, { priority, actor: `plan:${this.id}` })
          await book.put({ ...this.record, imports: [...this.record.imports, image] }, [])
        } catch (error) {
          await this.#failImage(image, toErrorBody(error))
        }
      } else if (readiness.kind === 'failed') await this.#failImage(image, readiness.error)
    }
  }

  async #failImage(image: string, error: NonNullable<PlanRecord['error']>): Promise<void> {
    const { record } = this
    const message = `Image ${this.#deps.images.name(image)} cannot be had any more: ${error.message}`
    const failures = { ...record.failures, [image]: error }
    const details = { image, code: error.code }
    await this.#deps.book.put({ ...record, failures }, [{ type: 'plan.image-failed', message, details }])
  }

  /** What the plan was made from, images and fleet aside. */
  #key(): string {
    const { images, priority, weight, limits, notBefore, deadline, pinnedUntil, failures } = this.record
    const chains = images.map((wanted) => {
      const readiness = this.#deps.images.readiness(wanted, this.record)
      return readiness.kind === 'ready' ? readiness.chain : readiness.kind
    })
    const terms = { priority, weight, limits, notBefore, deadline, pinnedUntil }
    return JSON.stringify({ chains, terms, failed: Object.keys(failures) })
  }

  /** Whether something has changed that the plan depends on. */
  #isPlanDue(key: string, { version }: FleetMoment, now: number): boolean {
    const planned = this.#planned
    if (planned === undefined || planned.key !== key || planned.images !== this.record.images) return true
    const sinceMs = now - planned.at
    return (
      (planned.version !== version && sinceMs >= REPLAN_MS) || (this.record.unmet.length > 0 && sinceMs >= UNMET_MS)
    )
  }

  async #replan(moment: FleetMoment): Promise<void> {
    const { clock, book } = this.#deps
    const key = this.#key()
    const now = clock.elapsed()
    if (!this.#isPlanDue(key, moment, now)) return
    const { images } = this.record
    const options = { before: this.#targets, isHere: moment.isHere, isStored: true }
    const { outcome, targets, chains, toCome } = await planAnew(this.#deps, this.record, options)
    const { record } = this
    if (isOver(record)) return
    this.#planned = { key, images, version: moment.version, at: now }
    this.#toCome = toCome
    const planned = { ...record, ...outcome, chains: { ...record.chains, ...chains } }
    await book.put(planned, [], [book.putTargets(this.id, targets)])
    await nextTurn()
    this.#takeTargets(targets)
    await nextTurn()
  }

  #takeTargets(targets: PlanTargets): void {
    const { registry, catalogue, clock } = this.#deps
    this.#targets = targets
    const sizes = layerSizes(catalogue, () => this.#toCome)
    const heldBy = (node: string) => heldLayers(registry.get(node)?.inventory ?? null)
    this.#progress.setTargets(targets, sizes, heldBy, clock.now())
  }

  async #writeClaims(): Promise<void> {
    const { catalogue, clock, book } = this.#deps
    const { record } = this
    const isEarly = record.notBefore !== null && Date.parse(record.notBefore) > clock.now()
    if (isEarly && !record.isHeld) return
    const rests = isEarly || record.state === 'paused'
    const rows = this.#progress.rows
    const shares = this.#shares.shares(record.limits, rows)
    const { priority, weight, pinnedUntil } = record
    const key = JSON.stringify({ rests, priority, weight, pinnedUntil })
    const isSame = shares === null && this.#claimed?.key === key && this.#claimed.targets === this.#targets
    if (isSame) return
    const targets = this.#targets
    const claims = planClaims(record, targets, {
      isPublished: (layer) => catalogue.layer(layer)?.state === 'published',
      shares,
      rests,
      missing: (node) => rows.get(node)?.missing,
    })
    if (!record.isHeld && claims.size > 0) await book.put({ ...record, isHeld: true }, [])
    await nextTurn()
    await this.#claims.write(claims)
    this.#givingTerms = termsOfClaims(claims)
    this.#claimed = { key, targets }
  }

  async #tellLate(now: number): Promise<void> {
    const { record } = this
    const { deadline, isLate } = record
    const { total, ready } = this.account.counts()
    if (isLate || deadline === null || Date.parse(deadline) > now || ready === total) return
    const message = `Plan ${record.name} has missed its deadline: ${ready} of ${total} nodes are ready.`
    await this.#deps.book.put({ ...record, isLate: true }, [{ type: 'plan.late', message, details: { ready, total } }])
  }

  #slowContext(): Omit<SlowContext, 'medianRate'> {
    const { state, notBefore } = this.record
    const now = this.#deps.clock.now()
    return {
      isPaused: state === 'paused',
      notBefore: notBefore !== null && Date.parse(notBefore) > now ? notBefore : null,
      toCome: new Set(this.#toCome.keys()),
      ended: ENDED,
      nodeLimit: (node) => this.#shares.limitOf(node),
    }
  }
}
