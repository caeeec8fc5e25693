import { type ComposeRequest, type Composition, MAX_COMPOSITIONS } from '@shoal/api'
import { type Clock, errorCode, type Logger } from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'
import { errorBody, layerError } from '../error-body.ts'
import { composeFailure } from './compose-failure.ts'
import type { CompositionRecord, CompositionRecords, CompositionWish } from './composition-records.ts'
import { isSameWish, newRecord, pathsOf, wishOf } from './composition-wish.ts'
import { composeError } from './errors.ts'
import { layerChain } from './layer-chain.ts'
import { type RunDeps, runComposition } from './run-composition.ts'

/** Compositions that wait for their turn. */
const MAX_QUEUED = 64

export interface CompositionsDeps extends RunDeps {
  readonly records: CompositionRecords
  /** A disk is asked for that is made of this layer. */
  readonly onUse: (layer: StoredLayer) => void
  readonly clock: Clock
  readonly logger: Logger
}

interface Entry {
  record: CompositionRecord
  doneBytes: number
  run: { readonly abort: AbortController; readonly ended: Promise<void> } | undefined
  /** Ends the hold on the layers of a chain that is in place. */
  release: () => void
}

/**
 * The disks that this node composes from its layers, one at a time. What was asked for survives a restart: what was not
 * done begins anew. The layers of what is being composed are held, and so are those of a chain as long as it is there,
 * since machines read them.
 */
export class Compositions implements AsyncDisposable {
  readonly #deps: CompositionsDeps
  readonly #entries = new Map<string, Entry>()
  /** Requests and removals take turns: they wait for disk and state between their steps. */
  #changes: Promise<unknown> = Promise.resolve()
  #running: Promise<void> | undefined
  #isStarted = false
  #failures = 0
  #writtenBytes = 0

  constructor(deps: CompositionsDeps) {
    this.#deps = deps
  }

  /** Failed since the start. */
  get failures(): number {
    return this.#failures
  }

  /** Written since the start for what was done. */
  get writtenBytes(): number {
    return this.#writtenBytes
  }

  /** Reads what earlier runs left, removes what they did not finish, and holds the layers of chains. */
  async open(): Promise<void> {
    await this.#deps.disks.open()
    for (const record of await this.#deps.records.all()) await this.#restore(record)
  }

  /** Begins to compose what waits: now it is known which layers were withdrawn. */
  start(): void {
    this.#isStarted = true
    this.#startNext()
  }

  /** Stops the one that runs, which begins anew after a restart; idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStarted = false
    for (const { run } of this.#entries.values()) run?.abort.abort(new Error('the peer is stopping'))
    await this.#running
    await this.#changes
  }

  /** Every file of a disk, also of what is just being written. */
  files(): string[] {
    const placed = [...this.#entries.values()].flatMap(({ record }) => record.files.map(({ path }) => path))
    return [...placed, ...this.#deps.disks.temporaries()]
  }

  /** All of them, the oldest request first. */
  list(): Composition[] {
    return [...this.#entries.values()].map(view)
  }

  /** Throws `SHOAL_COMPOSE_UNKNOWN`. */
  show(name: string): Composition {
    return view(this.#find(name))
  }

  /**
   * Asks for a disk; asking again for the same changes nothing, unless it failed, was cancelled or its files are gone.
   */
  async request(name: string, request: ComposeRequest): Promise<Composition> {
    const wish = wishOf(request)
    return this.#change(() => this.#request(name, wish))
  }

  /** Cancels what is not done; removes what has ended, with its files. Throws `SHOAL_COMPOSE_UNKNOWN`. */
  remove(name: string): Promise<void> {
    return this.#change(() => this.#remove(this.#find(name)))
  }

  async #request(name: string, wish: CompositionWish): Promise<Composition> {
    const { disks, records, clock } = this.#deps
    const known = this.#entries.get(name)
    if (known?.record.state === 'queued' || known?.record.state === 'done') {
      const { layer, format } = known.record
      if (!isSameWish(known.record, wish)) throw composeError('SHOAL_COMPOSE_CONFLICT', { name, layer, format })
      if (known.record.state === 'queued' || (await this.#isInPlace(known.record))) return view(known)
    }
    const { path, overlay } = pathsOf(name, wish, disks.path)
    await disks.checkFree(path)
    if (overlay !== null && wish.givenOverlay === null) await disks.checkFree(overlay)
    const chain = layerChain(wish.layer, this.#deps)
    for (const layer of chain) this.#deps.onUse(layer)
    await this.#makeRoom(name)
    const record = newRecord(name, wish, { directory: disks.path, chain, at: isoTime(clock) })
    await records.save(record)
    known?.release()
    // Behind all others, also when it was asked for before.
    this.#entries.delete(name)
    const entry = newEntry(record)
    this.#entries.set(name, entry)
    this.#startNext()
    return view(entry)
  }

  async #remove(entry: Entry): Promise<void> {
    const { disks, records } = this.#deps
    if (entry.record.state === 'queued' && (await this.#cancel(entry))) return
    for (const file of entry.record.files) await disks.remove(file)
    await records.forget(entry.record.name)
    entry.release()
    this.#entries.delete(entry.record.name)
  }

  /** False when it was done, or had failed, just before. */
  async #cancel(entry: Entry): Promise<boolean> {
    if (entry.run === undefined) await this.#settle(entry, { state: 'cancelled' })
    entry.run?.abort.abort(new Error('the composition was cancelled'))
    await entry.run?.ended
    return entry.record.state === 'cancelled'
  }

  async #makeRoom(name: string): Promise<void> {
    const entries = [...this.#entries.values()].map(({ record }) => record)
    const queued = entries.filter(({ state }) => state === 'queued').length
    if (queued >= MAX_QUEUED) throw composeError('SHOAL_COMPOSE_BUSY', { count: queued })
    if (entries.length < MAX_COMPOSITIONS || this.#entries.has(name)) return
    const oldest = entries.find(({ state }) => state === 'failed' || state === 'cancelled')
    if (oldest === undefined) throw composeError('SHOAL_COMPOSE_BUSY', { count: entries.length })
    this.#entries.delete(oldest.name)
    await this.#deps.records.forget(oldest.name)
  }

  /** Takes over what an earlier run recorded. A crash may have come between a file's name and the record of it. */
  async #restore(record: CompositionRecord): Promise<void> {
    const { disks, records, holds, logger } = this.#deps
    const { name, state, files } = record
    const entry = newEntry(record)
    if (state === 'done' && !(await this.#isInPlace(record))) {
      logger.info({ name, path: record.path }, 'a composed disk is gone, and is forgotten')
      return records.forget(name)
    }
    if (state === 'queued' && files.length > 0) {
      const found = await Promise.all(files.map((file) => disks.has(file)))
      if (found.every(Boolean)) await this.#settle(entry, { state: 'done' })
      else for (const file of files) await disks.remove(file)
    }
    if (entry.record.state === 'done' && record.format === 'chain') {
      entry.release = holds.hold(record.layers, record.path) ?? entry.release
    }
    this.#entries.set(name, entry)
  }

  #startNext(): void {
    if (!this.#isStarted || this.#running !== undefined) return
    const entry = [...this.#entries.values()].find(({ record }) => record.state === 'queued')
    if (entry === undefined) return
    const abort = new AbortController()
    const ended = this.#compose(entry, abort.signal).finally(() => {
      entry.run = undefined
      this.#running = undefined
      this.#startNext()
    })
    entry.run = { abort, ended }
    this.#running = ended
  }

  /** Never rejects: how it went is in the record. */
  async #compose(entry: Entry, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps
    const { name, layer, format, path } = entry.record
    entry.record = { ...entry.record, startedAt: isoTime(clock), files: [] }
    entry.doneBytes = 0
    try {
      const { writtenBytes, release } = await runComposition(entry.record, this.#deps, {
        signal,
        onProgress: (doneBytes) => {
          entry.doneBytes = doneBytes
        },
        onMade: (files) => {
          entry.record = { ...entry.record, files }
          return this.#deps.records.save(entry.record)
        },
      })
      entry.release = release
      this.#writtenBytes += writtenBytes
      await this.#settle(entry, { state: 'done', writtenBytes })
      logger.info({ name, layer, format, writtenBytes }, 'disk composed')
    } catch (error) {
      // While the daemon stops it stays queued, in the record too.
      if (signal.aborted) return this.#isStarted ? this.#settle(entry, { state: 'cancelled', files: [] }) : undefined
      const failure = composeFailure(error, path) ?? layerError(layer, error)
      this.#failures += 1
      await this.#settle(entry, { state: 'failed', files: [], error: errorBody(failure) })
      logger.error({ name, layer, code: failure.code, hint: failure.hint, error: failure }, 'disk not composed')
    }
  }

  /** Records how a composition ended. The record in memory counts when the state cannot be written. */
  async #settle(entry: Entry, change: Partial<CompositionRecord>): Promise<void> {
    const { records, clock, logger } = this.#deps
    entry.record = { ...entry.record, ...change, finishedAt: isoTime(clock) }
    await records.save(entry.record).catch((error: unknown) => {
      logger.warn({ code: errorCode(error), error }, 'composition not recorded; going on with what is in memory')
    })
  }

  /** Whether anything of it is left: the overlay of a chain holds what a machine wrote. */
  async #isInPlace({ files }: CompositionRecord): Promise<boolean> {
    const found = await Promise.all(files.map((file) => this.#deps.disks.has(file)))
    return found.some(Boolean)
  }

  #find(name: string): Entry {
    const entry = this.#entries.get(name)
    if (entry === undefined) throw composeError('SHOAL_COMPOSE_UNKNOWN', { name })
    return entry
  }

  #change<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changes.then(change)
    this.#changes = result.catch(() => {})
    return result
  }
}

function newEntry(record: CompositionRecord): Entry {
  return { record, doneBytes: 0, run: undefined, release: () => {} }
}

/** What the API shows. One that is just being recorded as done still runs. */
function view({ record, doneBytes, run }: Entry): Composition {
  const { givenOverlay: _given, layers: _layers, files: _files, ...shown } = record
  const isDone = record.state === 'done'
  return {
    ...shown,
    state: run === undefined ? record.state : 'composing',
    doneBytes: isDone ? record.totalBytes : doneBytes,
  }
}

function isoTime(clock: Clock): string {
  return new Date(clock.now()).toISOString()
}
