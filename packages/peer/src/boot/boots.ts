import { type Boot, type BootRequest, type BootSpans, MAX_BOOTS } from '@shoal/api'
import { type Digest, errorCode } from '@shoal/core'
import { errorBody } from '../error-body.ts'
import {
  type BootRecord,
  type BootRecords,
  bootWish,
  isSameWish,
  NO_SPANS,
  newBootRecord,
  originOf,
} from './boot-record.ts'
import { type BootEntry, newEntry, viewBoot } from './boots-entry.ts'
import { ownerOf, type ServeBootDeps, serveBoot } from './boots-serve.ts'
import { bootError, bootFailure } from './errors.ts'

/** An answer waits for so long for a boot to be ready, which takes milliseconds when its layers are known. */
const ANSWER_MS = 3000

export interface BootsDeps extends ServeBootDeps {
  readonly records: BootRecords
  /** What boots need of layers or images has changed: {@link Boots.layers}, {@link Boots.images}. */
  readonly onNeeds: () => void
}

export interface BootsOptions {
  /** Whether boots are recorded at all. */
  readonly recordings: boolean
  /** See {@link ANSWER_MS}. */
  readonly answerMs?: number
}

/**
 * The disks that this node serves to VMs before all of their layers is there. What was asked for survives a restart:
 * the layers are held and the disks served again, before anything else, so that VMs whose connection broke go on.
 */
export class Boots implements AsyncDisposable {
  readonly #deps: BootsDeps
  readonly #options: BootsOptions
  readonly #entries = new Map<string, BootEntry>()
  /** Requests and releases take turns: they wait for disk and state between their steps. */
  #changes: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(deps: BootsDeps, options: BootsOptions) {
    this.#deps = deps
    this.#options = options
  }

  /** Reads what earlier runs left and begins to serve it. Does not wait for that: it may need blocks of others. */
  async open(): Promise<void> {
    for (const record of await this.#deps.records.all()) {
      const entry = newEntry(record)
      this.#entries.set(record.name, entry)
      if (record.state === 'failed') continue
      entry.release = this.#deps.holds.hold(record.layers, ownerOf(record)) ?? entry.release
      this.#begin(entry)
    }
    this.#deps.onNeeds()
  }

  /** Serves no more; what was asked for stays recorded. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    for (const { work } of this.#entries.values()) work.abort.abort(new Error('the peer is stopping'))
    await Promise.all([...this.#entries.values()].map(({ work }) => work.ended))
    await this.#changes
  }

  /** All of them, by name. */
  list(): Boot[] {
    const byName = [...this.#entries].sort(([one], [other]) => (one < other ? -1 : 1))
    return byName.map(([, entry]) => viewBoot(entry, this.#deps))
  }

  /** Throws `SHOAL_BOOT_UNKNOWN`. */
  show(name: string): Boot {
    return viewBoot(this.#find(name), this.#deps)
  }

  /** Since when a boot is asked for that was never served before. Milliseconds since the epoch. */
  askedAt(name: string): number | undefined {
    const { state, preparedAt } = this.#entries.get(name)?.record ?? {}
    return state === 'preparing' && preparedAt !== undefined ? Date.parse(preparedAt) : undefined
  }

  /** Whether a disk is as its machine may open it. */
  isOpen(name: string): boolean {
    return this.#entries.get(name)?.record.state === 'ready'
  }

  /** Takes note of how a boot goes. */
  note(name: string, spans: Partial<BootSpans>): void {
    const entry = this.#entries.get(name)
    const isTold = spans.bootedBy !== undefined && entry?.record.spans?.bootedBy === 'told'
    if (entry !== undefined && !isTold) void this.#noteSpans(entry, spans)
  }

  /** The machine has booted, somebody says: the first word counts. Throws `SHOAL_BOOT_UNKNOWN`. */
  async booted(name: string): Promise<Boot> {
    const entry = this.#find(name)
    if (entry.record.spans?.bootedBy !== 'told') {
      const bootedAt = new Date(this.#deps.clock.now()).toISOString()
      await this.#noteSpans(entry, { bootedAt, bootedBy: 'told' })
    }
    return viewBoot(entry, this.#deps)
  }

  /** Layers that VMs read, or are about to. */
  layers(): ReadonlySet<Digest> {
    return new Set(this.#active().flatMap(({ layers }) => layers))
  }

  /** Images that are booted. */
  images(): ReadonlySet<string> {
    return new Set(this.#active().flatMap(({ image }) => image ?? []))
  }

  /**
   * Asks for a disk, and waits for a moment until it is served; asking again for the same changes nothing, unless it
   * failed. With a Keystone token of the tenant for whom it is the seed gives an image that is not for all.
   * Throws `SHOAL_BOOT_REQUEST`, `SHOAL_BOOT_NAME_TAKEN`, `SHOAL_BOOT_LIMIT` and `SHOAL_BOOT_OVERLAY_*`.
   */
  async prepare(
    name: string,
    request: BootRequest,
    { tenantToken }: { tenantToken?: string | undefined } = {},
  ): Promise<Boot> {
    const entry = await this.#change(() => this.#request(name, request, tenantToken))
    await this.#answer(entry)
    return viewBoot(entry, this.#deps)
  }

  /** Ends serving a disk. Its overlay stays. Throws `SHOAL_BOOT_UNKNOWN`. */
  release(name: string): Promise<void> {
    return this.#change(async () => {
      const entry = this.#find(name)
      await this.#stop(entry)
      try {
        await this.#deps.records.forget(name)
      } catch (error) {
        if (entry.record.state === 'preparing') this.#begin(entry)
        throw error
      }
      this.#entries.delete(name)
      await this.#letGo(entry)
      this.#deps.onNeeds()
    })
  }

  async #request(name: string, request: BootRequest, tenantToken: string | undefined): Promise<BootEntry> {
    const { overlays, records, clock } = this.#deps
    const wish = bootWish(request, { overlay: overlays.pathOf(name) })
    const known = this.#entries.get(name)
    if (known !== undefined && known.record.state !== 'failed') {
      if (!isSameWish(known.record, wish)) {
        throw bootError('SHOAL_BOOT_NAME_TAKEN', { name, what: originOf(known.record) })
      }
      // The one before may have ended while it waited.
      if (known.record.layers.length === 0) known.tenantToken = tenantToken ?? known.tenantToken
      return known
    }
    if (known === undefined) await this.#makeRoom()
    if (wish.overlay !== null) await this.#checkOverlay(name, { path: wish.overlay, origin: originOf(wish) })
    const record = newBootRecord(name, wish, new Date(clock.now()).toISOString())
    await records.save(record)
    if (known !== undefined) await this.#stop(known)
    const entry = newEntry(record, tenantToken)
    this.#entries.set(name, entry)
    this.#begin(entry)
    this.#deps.onNeeds()
    return entry
  }

  async #makeRoom(): Promise<void> {
    const count = this.#entries.size
    if (count < MAX_BOOTS) return
    const failed = [...this.#entries.values()].find(({ record }) => record.state === 'failed')
    if (failed === undefined) throw bootError('SHOAL_BOOT_LIMIT', { count })
    await this.#deps.records.forget(failed.record.name)
    this.#entries.delete(failed.record.name)
  }

  async #checkOverlay(name: string, wish: { path: string; origin: string }): Promise<void> {
    const other = this.#active().find((record) => record.overlay === wish.path && record.name !== name)
    if (other !== undefined) {
      throw bootError('SHOAL_BOOT_OVERLAY_TAKEN', { path: wish.path, reason: `it is that of the boot ${other.name}` })
    }
    await this.#deps.overlays.check(wish)
  }

  async #answer(entry: BootEntry): Promise<void> {
    const answered = new AbortController()
    const { clock } = this.#deps
    const waited = clock.sleep(this.#options.answerMs ?? ANSWER_MS, { signal: answered.signal }).catch(() => {})
    await Promise.race([entry.work.ended, waited])
    answered.abort()
  }

  #begin(entry: BootEntry): void {
    const abort = new AbortController()
    entry.work = { abort, ended: this.#work(entry, abort.signal) }
  }

  /** Never rejects: how it went is in the record. */
  async #work(entry: BootEntry, signal: AbortSignal): Promise<void> {
    const { name } = entry.record
    // Whoever begins it has something to do first.
    await Promise.resolve()
    try {
      const save = (change: Partial<BootRecord>) => this.#settle(entry, change)
      await serveBoot(entry, this.#deps, { signal, save, recordings: this.#options.recordings })
    } catch (error) {
      if (signal.aborted) return
      const failure = bootFailure(name, error)
      await this.#letGo(entry)
      await this.#settle(entry, { state: 'failed', error: errorBody(failure) })
      this.#deps.onNeeds()
      this.#deps.logger.error({ name, code: failure.code, hint: failure.hint, error: failure }, 'a boot failed')
    }
  }

  /** When it resolves nothing changes the boot but its owner. */
  async #stop(entry: BootEntry): Promise<void> {
    entry.work.abort.abort(new Error('the boot was released'))
    await entry.work.ended
  }

  async #letGo(entry: BootEntry): Promise<void> {
    const { open } = entry
    entry.open = undefined
    await open?.close()
    this.#deps.companions.ended(entry.record.name)
    entry.endPrefetch()
    entry.release()
  }

  #noteSpans(entry: BootEntry, spans: Partial<BootSpans>): Promise<void> {
    return this.#settle(entry, { spans: { ...(entry.record.spans ?? NO_SPANS), ...spans } })
  }

  /** Records a change. The record in memory counts when the state cannot be written. */
  async #settle(entry: BootEntry, change: Partial<BootRecord>): Promise<void> {
    const { records, logger } = this.#deps
    entry.record = { ...entry.record, ...change }
    // It may have been released meanwhile.
    if (this.#entries.get(entry.record.name) !== entry) return
    await records.save(entry.record).catch((error: unknown) => {
      logger.warn({ code: errorCode(error), error }, 'boot not recorded; going on with what is in memory')
    })
  }

  /** Those that have not failed. */
  #active(): BootRecord[] {
    return [...this.#entries.values()].flatMap(({ record }) => (record.state === 'failed' ? [] : record))
  }

  #find(name: string): BootEntry {
    const entry = this.#entries.get(name)
    if (entry === undefined) throw bootError('SHOAL_BOOT_UNKNOWN', { name })
    return entry
  }

  #change<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changes.then(() => {
      if (this.#isClosed) throw bootError('SHOAL_BOOT_STOPPING')
      return change()
    })
    this.#changes = result.catch(() => {})
    return result
  }
}
