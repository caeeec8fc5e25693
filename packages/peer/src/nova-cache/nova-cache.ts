import type { DesiredImage, NovaBase } from '@shoal/api'
import { type Clock, errorCode, errorMessage, type Logger, parseDigest } from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'
import { Alarm } from '../alarm.ts'
import { backOffMs } from '../back-off.ts'
import { composeFailure } from '../compose/compose-failure.ts'
import type { BaseFile } from './base-directory.ts'
import { type BaseEntry, newEntry, viewOf } from './base-entry.ts'
import type { BaseRecord, BaseRecords } from './base-records.ts'
import type { BaseUsers } from './base-users.ts'
import { novaCacheError } from './errors.ts'
import { completeChain, type MakeBaseDeps, makeBase } from './make-base.ts'
import { watchBases } from './watch-bases.ts'

const LOOK_MS = 10_000
/** Nova may remove what nobody touched for a day, or for as little as is configured. */
const TOUCH_MS = 10 * 60_000
/** What was touched later than that stays: a machine that is just being made has no disk above it yet. */
const QUIET_MS = 15 * 60_000
/** A download that was not written to for so long has died. */
const DOWNLOAD_MS = 5 * 60_000
const RETRY = { firstMs: 5000, lastMs: 5 * 60_000 }

export interface NovaCacheDeps extends MakeBaseDeps {
  readonly records: BaseRecords
  readonly findUsers: (basePaths: readonly string[], options: { signal: AbortSignal }) => Promise<BaseUsers>
  /** A file is made of this layer. */
  readonly onUse: (layer: StoredLayer) => void
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

export interface NovaCacheOptions {
  readonly format: 'raw' | 'qcow2'
  /** Whether files that nobody wants or uses are removed here; otherwise Nova does that. */
  readonly removes: boolean
}

/**
 * Keeps in Nova's image cache what the desired state wants here: one flat file an image, which Nova finds and therefore does not download.
 * Looks now and then and when something happens; each look brings the files nearer to what is wanted, one after the other.
 */
export class NovaCache {
  readonly #deps: NovaCacheDeps
  readonly #options: NovaCacheOptions
  readonly #alarm: Alarm
  readonly #entries = new Map<string, BaseEntry>()
  /** Before a desired state with images is known nothing is made or removed. */
  #isKnown = false
  #problem: string | undefined
  #failures = 0
  #lost = 0
  #writtenBytes = 0

  constructor(deps: NovaCacheDeps, options: NovaCacheOptions) {
    this.#deps = deps
    this.#options = options
    this.#alarm = new Alarm(deps.clock)
  }

  /** Files that could not be made since the start. */
  get failures(): number {
    return this.#failures
  }

  /** Files of ours that somebody else removed since the start. */
  get lost(): number {
    return this.#lost
  }

  get writtenBytes(): number {
    return this.#writtenBytes
  }

  /** Reads what earlier runs have made. */
  async open(): Promise<void> {
    const { directory, records } = this.#deps
    await directory.discardLeft()
    for (const record of await records.all()) {
      this.#entries.set(record.image, { ...newEntry(record.image), record, state: 'leaving' })
    }
  }

  /** Takes the images that are wanted here, in their order; `undefined` from a seed that does not tell them. */
  setImages(images: readonly DesiredImage[] | undefined): void {
    if (images === undefined) return
    this.#isKnown = true
    const wanted = new Map(images.map(({ image, layers }) => [image, layers.map(parseDigest)]))
    for (const entry of this.#entries.values()) {
      if (!wanted.has(entry.image)) entry.tops = []
    }
    for (const [image, tops] of wanted) {
      const entry = this.#entries.get(image) ?? newEntry(image)
      // In the order in which they are wanted now.
      this.#entries.delete(image)
      this.#entries.set(image, Object.assign(entry, { tops }))
    }
    this.#alarm.ring()
  }

  /** Something has changed: a layer may be complete. */
  notice(): void {
    this.#alarm.ring()
  }

  /** Every file of ours, also what is just being written. */
  files(): string[] {
    const { directory } = this.#deps
    const placed = [...this.#entries.values()].flatMap(({ record }) => (record ? [directory.pathOf(record.name)] : []))
    return [...placed, ...directory.temporaries()]
  }

  list(): NovaBase[] {
    const { format } = this.#options
    return [...this.#entries.values()].map((entry) => {
      return viewOf(entry, { path: this.#deps.directory.pathOf(entry.name), format })
    })
  }

  /** Works until aborted. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    while (!signal.aborted) {
      using _watching = watchBases(this.#deps.directory.path, () => this.#alarm.ring())
      await this.look({ signal })
      await this.#alarm.wait(LOOK_MS, { signal })
    }
  }

  /** One look at what is wanted, there and used. Never rejects but when aborted. */
  async look({ signal }: { signal: AbortSignal }): Promise<void> {
    try {
      await this.#deps.directory.check()
      await this.#forgetGone()
      await this.#findUsers(signal)
      for (const entry of [...this.#entries.values()]) {
        if (signal.aborted) return
        try {
          await (entry.tops.length > 0 ? this.#keep(entry, signal) : this.#letGo(entry))
        } catch (error) {
          if (signal.aborted) return
          this.#fail(entry, error)
        }
      }
      this.#tell(undefined)
    } catch (error) {
      if (!signal.aborted) this.#tell(error)
    }
  }

  /** Forgets files of ours that somebody removed or replaced. */
  async #forgetGone(): Promise<void> {
    const { directory, records, logger } = this.#deps
    for (const entry of this.#entries.values()) {
      const { record, image } = entry
      if (record === undefined) continue
      const found = await directory.find(record.name)
      if (found?.identity === record.identity) continue
      entry.record = undefined
      entry.state = 'waiting'
      this.#pin(entry, [])
      await records.forget(image)
      this.#lost += 1
      const isWanted = entry.tops.length > 0
      // It is made again, but not again and again.
      if (isWanted) this.#retryLater(entry)
      logger.info(
        { image, path: directory.pathOf(record.name), isWanted },
        'a base file of ours was removed by somebody',
      )
    }
  }

  async #findUsers(signal: AbortSignal): Promise<void> {
    const { directory, findUsers } = this.#deps
    const entries = [...this.#entries.values()]
    const paths = entries.flatMap(({ record }) => (record ? [directory.pathOf(record.name)] : []))
    if (paths.length === 0) return
    const { users, isCertain } = await findUsers(paths, { signal })
    for (const entry of entries) {
      const found = users.get(entry.name) ?? []
      this.#pin(entry, isCertain ? found : [...found, 'a disk that cannot be read'])
    }
  }

  /** Layers of what machines use stay, unless they were withdrawn: the file is a copy. */
  #pin(entry: BaseEntry, users: readonly string[]): void {
    const { holds, isWithdrawn, directory, store } = this.#deps
    entry.users = users
    const layers = entry.record?.layers ?? []
    const isPinned = users.length > 0 && layers.length > 0 && !layers.some(isWithdrawn)
    if (!isPinned) {
      entry.release?.()
      entry.release = undefined
    } else if (entry.release === undefined && layers.every((layer) => store.get(layer) !== undefined)) {
      entry.release = holds.hold(layers, directory.pathOf(entry.name))
    }
  }

  /** Brings the file of a wanted image nearer to being there. */
  async #keep(entry: BaseEntry, signal: AbortSignal): Promise<void> {
    const { directory, clock } = this.#deps
    const found = await directory.find(entry.name)
    if (found !== undefined) {
      this.#settle(entry, entry.record === undefined ? 'foreign' : 'placed')
      await this.#touch(entry, found)
      return
    }
    const chain = completeChain(entry.tops, this.#deps)
    if (entry.state !== 'failed') entry.state = 'waiting'
    if (chain === undefined || entry.retryAt > clock.elapsed()) return
    if (await directory.isBeingMade(entry.name, clock.now() - DOWNLOAD_MS)) return
    await this.#make(entry, chain, signal)
  }

  async #make(entry: BaseEntry, chain: readonly [StoredLayer, ...StoredLayer[]], signal: AbortSignal): Promise<void> {
    const { directory, records, clock, logger, onUse } = this.#deps
    using lock = await this.#lockToMake(entry)
    // Nova is making it, or removing it: the next look finds what came of that.
    if (lock === undefined || (await directory.find(entry.name)) !== undefined) return
    entry.state = 'making'
    for (const layer of chain) onUse(layer)
    const placedAt = new Date(clock.now()).toISOString()
    let record: BaseRecord | undefined
    try {
      const { isPlaced, writtenBytes } = await makeBase(entry.image, chain, this.#deps, {
        ...{ format: this.#options.format, placedAt, signal },
        onProgress: (doneBytes, totalBytes) => Object.assign(entry, { doneBytes, totalBytes }),
        onMade: (made) => {
          record = made
          return records.save(made)
        },
      })
      this.#writtenBytes += writtenBytes
      entry.record = isPlaced ? record : undefined
      this.#settle(entry, isPlaced ? 'placed' : 'foreign')
      if (isPlaced)
        logger.info({ image: entry.image, path: directory.pathOf(entry.name), writtenBytes }, 'base file made for Nova')
    } finally {
      if (record !== undefined && entry.record === undefined) await records.forget(entry.image)
    }
  }

  /**
   * Nova's lock. One that cannot be taken, because Nova made its file for itself alone, is done without: the file gets its name all at once
   * and replaces nothing, and at worst Nova downloads the image as well.
   */
  async #lockToMake({ image, name }: BaseEntry): Promise<Disposable | undefined> {
    try {
      return await this.#deps.directory.lock(name)
    } catch (error) {
      if (errorCode(error) !== 'SHOAL_NOVA_LOCK') throw error
      this.#deps.logger.debug({ image, error }, "a base file is made without Nova's lock")
      return { [Symbol.dispose]: () => {} }
    }
  }

  /** Removes the file of an image that nobody wants here once nobody uses it; or leaves that to Nova, unless it was withdrawn. */
  async #letGo(entry: BaseEntry): Promise<void> {
    const { directory, records, clock, isWithdrawn, logger } = this.#deps
    const { record, image, name } = entry
    if (record === undefined) {
      this.#entries.delete(image)
      return
    }
    entry.state = 'leaving'
    const isDue = this.#options.removes || record.layers.some(isWithdrawn)
    if (!this.#isKnown || !isDue || entry.users.length > 0 || entry.retryAt > clock.elapsed()) return
    const isQuiet = async () => {
      const found = await directory.find(name)
      return found !== undefined && isApart(clock.now(), found.mtimeMs, QUIET_MS)
    }
    if (!(await isQuiet())) return
    using lock = await directory.lock(name)
    // Whoever had the lock may have touched it.
    if (lock === undefined || !(await isQuiet())) return
    await directory.remove(name, record.identity)
    await records.forget(image)
    this.#entries.delete(image)
    logger.info({ image, path: directory.pathOf(name) }, 'base file that nobody wants or uses is removed')
  }

  async #touch(entry: BaseEntry, { mtimeMs }: BaseFile): Promise<void> {
    const { directory, clock, logger } = this.#deps
    const now = clock.now()
    if (!isApart(now, mtimeMs, TOUCH_MS) || (await directory.touch(entry.name, now))) return
    // libvirt gives files to QEMU's user. If Nova removes it one day, it is made again.
    logger.debug({ image: entry.image, path: directory.pathOf(entry.name) }, 'a base file cannot be kept fresh')
  }

  #settle(entry: BaseEntry, state: 'placed' | 'foreign'): void {
    Object.assign(entry, { state, error: undefined, failures: 0, retryAt: 0 })
  }

  #fail(entry: BaseEntry, cause: unknown): void {
    const { image, name, tops } = entry
    const path = this.#deps.directory.pathOf(name)
    const error =
      composeFailure(cause, path) ?? novaCacheError('SHOAL_NOVA_FAILED', { path, reason: errorMessage(cause) }, cause)
    const isNew = entry.error?.code !== error.code
    Object.assign(entry, { state: tops.length > 0 ? 'failed' : 'leaving', error })
    this.#failures += 1
    this.#retryLater(entry)
    if (!isNew) return
    this.#deps.logger.error(
      { image, name, code: error.code, hint: error.hint, error },
      'base file for Nova: trying again',
    )
  }

  #retryLater(entry: BaseEntry): void {
    const { clock, random } = this.#deps
    entry.failures += 1
    entry.retryAt = clock.elapsed() + backOffMs(entry.failures, random, RETRY)
  }

  #tell(error: unknown): void {
    const code = error === undefined ? undefined : (errorCode(error) ?? 'unknown')
    if (code !== undefined && code !== this.#problem) {
      this.#deps.logger.error({ code, error }, "Nova's image cache cannot be looked after; trying again")
    }
    this.#problem = code
  }
}

/** Whether two times are so far apart. One in the future, from before the clock was set back, is as far away as one in the past. */
function isApart(nowMs: number, thenMs: number, apartMs: number): boolean {
  return Math.abs(nowMs - thenMs) >= apartMs
}
