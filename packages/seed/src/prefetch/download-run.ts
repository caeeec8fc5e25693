import type { Actor, LayerInventory, PlanState } from '@shoal/api'
import { type Digest, errorMessage } from '@shoal/core'
import { seedError } from '../errors.ts'
import { toErrorBody } from '../images/image-record.ts'
import { FILE } from '../nodes/claims.ts'
import type { DownloadedLayer, DownloadNodes } from './download-nodes.ts'
import { FleetProgress } from './fleet-progress.ts'
import type { GivingTerms } from './layer-terms.ts'
import { heldLayers } from './node-progress.ts'
import { PlanAccount } from './plan-account.ts'
import { layerToCome } from './plan-demands.ts'
import { isOver, type PlanRecord } from './plan-record.ts'
import { isoTime } from './plan-request.ts'
import type { PlanRunDeps, PlanRunOptions } from './plan-run.ts'
import { nextState } from './plan-state.ts'
import type { NodeTarget } from './plan-targets.ts'
import { movedPlan, newsOf } from './plan-transition.ts'
import { PresenceWatch } from './presence-watch.ts'
import type { FleetMoment, RunningPlan } from './running-plan.ts'
import type { SlowContext } from './slow-reason.ts'

export type DownloadRunDeps = PlanRunDeps & { readonly downloadNodes: DownloadNodes }

/** So long no node must have joined before it is done: those of one burst do not ask at the same moment. */
const SETTLE_MS = 5000
/** Who joins so soon after it was done is of the same burst: Nova precaches on one node after the other. */
const BURST_MS = 600_000
/** A node asks every few seconds while the image is imported; one that has not asked for so long was given it by Glance. */
const ASKS_WITHIN_MS = 30_000
const NO_TERMS: ReadonlyMap<Digest, GivingTerms> = new Map()
const ENDED = 'It asks for the image no more, or had to make room: Glance gives it what it lacks.'

/**
 * The account of one burst of downloads: who asked for the layer with an image's own bytes, and how far each is. It wants
 * nothing: the claims are those of the downloads, and stay theirs.
 */
export class DownloadRun implements RunningPlan {
  readonly id: string
  readonly givingTerms = NO_TERMS
  readonly #deps: DownloadRunDeps
  readonly #options: PlanRunOptions
  readonly account: PlanAccount
  readonly #progress: FleetProgress
  readonly #presence: PresenceWatch
  readonly #targets = new Map<string, NodeTarget>()
  /** By node that waits for the import: when it asked last. Unix time in milliseconds. */
  readonly #askedAt = new Map<string, number>()
  #joinedAt: number
  #isBusy = false

  constructor(id: string, deps: DownloadRunDeps, options: PlanRunOptions) {
    this.id = id
    this.#deps = deps
    this.#options = options
    this.#joinedAt = deps.clock.now()
    this.#progress = new FleetProgress({ isEnded: (node, layer) => this.#isEnded(node, layer) })
    this.#presence = new PresenceWatch(this.#progress)
    const { clock } = deps
    this.account = new PlanAccount({ progress: this.#progress, clock, slowContext: () => this.#slowContext() })
    this.#look()
  }

  /** Reads who had joined before a restart. */
  async open(): Promise<void> {
    const { book, downloadNodes } = this.#deps
    const joined = await downloadNodes.read(this.id)
    this.#progress.recall(await book.readyTimes(this.id))
    for (const [node, layer] of joined) this.#take(node, layer)
    this.#look()
  }

  get record(): PlanRecord {
    return this.#deps.book.must(this.id)
  }

  get image(): string {
    return this.record.images[0]?.image ?? ''
  }

  /** Whether who asks for its image now belongs to it. */
  get takesNodes(): boolean {
    const { book, clock } = this.#deps
    // It may have been forgotten, since more of them are over than are kept.
    const record = book.get(this.id)
    if (record === undefined) return false
    if (!isOver(record)) return true
    return record.state === 'done' && clock.now() - Date.parse(record.finishedAt ?? '') < BURST_MS
  }

  has(node: string): boolean {
    return this.#targets.has(node)
  }

  /** A node asks for the image. Resolves when that is durable. */
  async join(node: string, layer: DownloadedLayer): Promise<void> {
    const { clock, journal, registry, downloadNodes } = this.#deps
    const isNew = this.#take(node, layer)
    if (isNew || isOver(this.record)) this.#joinedAt = clock.now()
    this.#progress.report(node, heldLayers(registry.get(node)?.inventory ?? null), clock.now())
    if (isNew) await journal.append([], [downloadNodes.put(this.id, node, layer)])
    if (isOver(this.record)) await this.#move('running', {}, `node:${node}`)
  }

  report(node: string, held: ReadonlyMap<string, LayerInventory>): { isOther: boolean } | undefined {
    // Its download is over, whatever becomes of the layer.
    if (this.#progress.rows.get(node)?.state === 'ready') return { isOther: false }
    return this.#progress.report(node, held, this.#deps.clock.now())
  }

  forgetNode(): void {
    // A node that is out of the fleet is away for good, which its presence tells.
  }

  async tick(moment: FleetMoment): Promise<void> {
    if (this.#isBusy || isOver(this.record)) return
    this.#isBusy = true
    try {
      await this.#tick(moment)
    } catch (error) {
      this.#deps.logger.error({ plan: this.id, reason: errorMessage(error), error }, 'a plan could not go on')
    } finally {
      this.#isBusy = false
    }
  }

  /**
   * Ends the claims of nodes whose download is over: they have all of it, or have given up. `drops`: what is there is
   * removed. Throws `SHOAL_PLAN_OF_DOWNLOADS` while it runs, for somebody waits for the others.
   */
  async cancel({ drops, actor }: { drops: boolean; actor?: Actor | undefined }): Promise<void> {
    const { assignments, journal } = this.#deps
    const { state } = this.record
    if (state === 'running') {
      const reason = 'somebody waits for those that run, so they cannot be cancelled'
      throw seedError('SHOAL_PLAN_OF_DOWNLOADS', { plan: this.id, reason })
    }
    const ended = [...this.#progress.rows].flatMap(([node, row]) => {
      const isMoving = row.state === 'waiting' || row.state === 'fetching'
      return isMoving ? [] : [[node, [...(this.#targets.get(node)?.layers.keys() ?? [])]] as const]
    })
    const change = assignments.release(FILE, new Map(ended), { drops })
    if (!isOver(this.record)) await this.#move('cancelled', {}, actor)
    if (change.operations.length > 0) await journal.append([], change.operations)
    change.announce()
  }

  async #tick(moment: FleetMoment): Promise<void> {
    const { clock, book } = this.#deps
    const now = clock.now()
    if (this.#expiresAt <= now) {
      const error = seedError('SHOAL_PLAN_EXPIRED', { plan: this.id, time: isoTime(this.#expiresAt) })
      return this.#move('expired', { error: toErrorBody(error) })
    }
    const news = this.#presence.look(moment)
    if (news.length > 0) await book.put(this.record, news)
    const rows = this.#progress.rows
    const isImporting = [...this.#askedAt.values()].some((askedAt) => now - askedAt <= ASKS_WITHIN_MS)
    const facts = { rows, now, isImporting, isStale: false, patienceMs: this.#options.excludeAfterMs }
    const next = nextState({ ...this.record, failures: this.#failures() }, facts)
    const isEnd = next?.state === 'done' || next?.state === 'partly-done'
    if (next === undefined || (isEnd && now - this.#joinedAt < SETTLE_MS)) return
    await this.#move(next.state, { error: next.error })
  }

  /** Unix time in milliseconds. Nodes that are away when the others have it download it anew, if at all. */
  get #expiresAt(): number {
    const { state, expiresAt, finishedAt } = this.record
    if (state !== 'partly-done' || finishedAt === null) return Date.parse(expiresAt)
    return Math.min(Date.parse(expiresAt), Date.parse(finishedAt) + BURST_MS)
  }

  /** That the image cannot be had any more. */
  #failures(): PlanRecord['failures'] {
    const { image } = this
    const wanted = { image, form: 'file' } as const
    const readiness = this.#deps.images.readiness(wanted, { chains: {}, imports: [image] })
    return readiness.kind === 'failed' ? { [image]: readiness.error } : {}
  }

  async #move(state: PlanState, change: Partial<PlanRecord> = {}, actor?: Actor): Promise<void> {
    const { clock, book } = this.#deps
    const options = { change, nowMs: clock.now(), progress: () => this.account.progress() }
    const moved = movedPlan(this.record, state, options)
    const readyTimes = book.putReadyTimes(this.id, this.#progress.readyTimes())
    await book.put(moved, newsOf(moved, this.account.counts(), actor), [readyTimes])
  }

  /** Whether it is asked for by this layer for the first time. */
  #take(node: string, layer: DownloadedLayer): boolean {
    if (layer === null) this.#askedAt.set(node, this.#deps.clock.now())
    else this.#askedAt.delete(node)
    const wanted = layer ?? this.#toCome()
    if (this.#targets.get(node)?.layers.has(wanted)) return false
    this.#targets.set(node, { layers: new Map([[wanted, 1]]), vms: 0, predictedFinishMs: null })
    return true
  }

  #look(): void {
    const { registry, clock } = this.#deps
    const heldBy = (node: string) => heldLayers(registry.get(node)?.inventory ?? null)
    // Downloads take all of a layer, in whatever order.
    const sizes = { sizeOf: (layer: Digest) => this.#sizeOf(layer), bootBytesOf: () => 0 }
    this.#progress.setTargets(this.#targets, sizes, heldBy, clock.now())
  }

  #toCome(): Digest {
    return layerToCome(this.image, 1).digest
  }

  #sizeOf(layer: Digest): number {
    const { catalogue } = this.#deps
    return catalogue.layer(layer)?.sizeBytes ?? catalogue.image(this.image)?.image.sizeBytes ?? 0
  }

  #isEnded(node: string, layer: Digest): boolean {
    const { assignments, clock } = this.#deps
    const askedAt = this.#askedAt.get(node)
    if (askedAt === undefined) return !assignments.has(node, layer, FILE)
    return clock.now() - askedAt > ASKS_WITHIN_MS
  }

  #slowContext(): Omit<SlowContext, 'medianRate'> {
    const toCome = new Set([this.#toCome()])
    return { isPaused: false, notBefore: null, toCome, ended: ENDED, nodeLimit: () => null }
  }
}
