import type { KeyObject } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ImageImport } from '@shoal/api'
import { type Clock, errorCode, type Logger, type TokenBucket } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import type { GlanceImage } from '@shoal/openstack'
import type { StateStore } from '@shoal/state'
import { seedError } from '../errors.ts'
import type { EventJournal } from '../events/event-journal.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { ImageLimits } from '../inspect/inspect-image.ts'
import { checkActive, type ImportSource, importImage } from './import-image.ts'
import { ImportJob } from './import-job.ts'
import {
  deleteJournalEntry,
  hashOf,
  type ImportJournalEntry,
  newJournalEntry,
  putJournalEntry,
  readImportJournal,
} from './import-journal.ts'
import type { BuiltLayer } from './layer-builder.ts'

/** Makes finished layers known to the fleet, and takes them back. */
export interface LayerPublisher {
  /** Records the layer as that of the image, with the given journal operation, in one durable step; then seeds it. */
  publish(image: string, layer: BuiltLayer['manifest'], job: ImportJob): Promise<void>
}

/** What the metrics want to know of imports. */
export interface ImportObserver {
  onBytes(bytes: number): void
  onRequest(): void
  onEnd(outcome: 'published' | 'failed' | 'cancelled', seconds: number): void
}

export interface ImporterDeps {
  readonly source: ImportSource
  readonly store: Pick<LayerStore, 'adopt' | 'get' | 'stagingPath'>
  readonly state: StateStore
  readonly journal: EventJournal
  readonly catalogue: Catalogue
  readonly publisher: LayerPublisher
  readonly bucket: TokenBucket
  readonly clock: Clock
  readonly logger: Logger
  readonly observer: ImportObserver
}

export interface ImporterOptions {
  readonly limits: ImageLimits
  readonly queueLength: number
  readonly concurrency: number
  readonly attempts: number
  readonly durableBytes: number
  readonly privateKey: KeyObject
  readonly announce: () => readonly string[]
}

/** The library may be back soon: what was read is kept and the import is tried again. */
const TRANSIENT = new Set(['SHOAL_GLANCE_UNREACHABLE', 'SHOAL_KEYSTONE_UNREACHABLE', 'SHOAL_GLANCE_UNAUTHORIZED'])
/** Not the image's fault either: what was read is kept for the next request. */
const KEEP_STAGED = new Set([...TRANSIENT, 'SHOAL_IMPORT_NO_SPACE', 'SHOAL_IMPORT_IO', 'SHOAL_IMPORT_HASHING'])
/** How the client's words for a vanished image are told. */
const VANISHED: Readonly<Record<string, 'SHOAL_IMAGE_DELETED' | 'SHOAL_IMAGE_DEACTIVATED'>> = {
  SHOAL_GLANCE_NOT_FOUND: 'SHOAL_IMAGE_DELETED',
  SHOAL_GLANCE_DEACTIVATED: 'SHOAL_IMAGE_DEACTIVATED',
}
const CANCELLING = new Set(['SHOAL_IMPORT_CANCELLED', 'SHOAL_IMAGE_DELETED', 'SHOAL_IMAGE_DEACTIVATED'])
const STAGED_SUFFIX = '.part'
const MAX_BACKOFF_MS = 60_000

/** Marks that the seed stops: the import is left as its journal has it, to go on at the next start. */
class Stopping extends Error {}

/**
 * Imports images one after another: asked for twice means imported once, and one limit holds for all. Everything that
 * an import has done so far is in its journal, so that a crash at any moment costs at most the bytes since the last sync.
 */
export class Importer {
  readonly #deps: ImporterDeps
  readonly #options: ImporterOptions
  readonly #jobs = new Map<string, ImportJob>()
  readonly #entries = new Map<string, ImportJournalEntry>()
  readonly #queue: ImportJob[] = []
  readonly #running = new Set<Promise<void>>()
  #isStopped = false

  constructor(deps: ImporterDeps, options: ImporterOptions) {
    this.#deps = deps
    this.#options = options
  }

  /** Goes on with what the journal says was under way, and removes staged files that nothing refers to. */
  async resume(): Promise<void> {
    const { state, catalogue, store, logger } = this.#deps
    for (const entry of await readImportJournal(state)) {
      const image = catalogue.image(entry.image)?.image
      if (image === undefined || hashOf(image) !== entry.hash) await state.delete(deleteJournalEntry(entry.image).key)
      else this.#entries.set(entry.image, entry)
    }
    const directory = dirname(store.stagingPath('any'))
    const staged = await readdir(directory).catch(() => [])
    for (const name of staged.filter((file) => file.endsWith(STAGED_SUFFIX))) {
      if (this.#entries.has(name.slice(0, -STAGED_SUFFIX.length))) continue
      logger.warn({ file: name }, 'removed a staged file that no import refers to')
      await rm(join(directory, name), { force: true })
    }
    for (const entry of this.#entries.values()) {
      const job = this.#enqueue(entry)
      logger.info({ image: job.image, durableBytes: entry.durableBytes }, 'going on with an import')
    }
  }

  /** The import that runs or waits, or `undefined`. */
  progress(image: string): ImageImport | undefined {
    return this.#jobs.get(image)?.view()
  }

  get active(): number {
    return this.#jobs.size
  }

  /** Ids of the images that are being imported now. */
  images(): string[] {
    return [...this.#jobs.keys()]
  }

  /** Resolves when the import of the image has ended, however it did; at once when there is none. */
  async settled(image: string): Promise<void> {
    await this.#jobs.get(image)?.done
  }

  /** Asks for an import; joins the one that runs. Throws `SHOAL_IMAGE_NOT_ACTIVE` and its like, `SHOAL_IMPORT_QUEUE_FULL`. */
  async request(image: GlanceImage): Promise<void> {
    const { journal, catalogue, store } = this.#deps
    const record = catalogue.image(image.id)
    if (this.#jobs.has(image.id) || record === undefined || this.#isStopped) return
    // A layer that lost blocks on the seed's own disk is read again.
    if (record.layer !== null && store.get(record.layer)?.isComplete) return
    checkActive(image.id, image)
    const limit = this.#options.queueLength
    if (this.#queue.length >= limit) throw seedError('SHOAL_IMPORT_QUEUE_FULL', { limit })
    const known = this.#entries.get(image.id)
    const entry = known?.hash === hashOf(image) ? known : newJournalEntry(image)
    this.#entries.set(image.id, entry)
    const job = this.#enqueue(entry)
    await journal.append(
      [{ type: 'import.queued', image: image.id, message: `Image ${image.name ?? image.id} waits to be imported.` }],
      [putJournalEntry(entry), catalogue.putImage({ ...record, import: job.record('queued') })],
    )
  }

  /** Ends an import with the given error; nothing when there is none. Resolves when everything of it is gone. */
  async cancel(image: string, reason: Error): Promise<boolean> {
    const job = this.#jobs.get(image)
    if (job === undefined) return false
    job.controller.abort(reason)
    const waiting = this.#queue.indexOf(job)
    if (waiting >= 0) {
      this.#queue.splice(waiting, 1)
      this.#start(job)
    }
    await job.done
    return true
  }

  /** Stops reading; imports under way go on at the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#queue.length = 0
    for (const job of this.#jobs.values()) job.controller.abort(new Stopping('the seed is stopping'))
    await Promise.all(this.#running)
  }

  #enqueue(entry: ImportJournalEntry): ImportJob {
    const { image, sizeBytes: bytesTotal, libraryRequests, startedAt } = entry
    const job = new ImportJob(this.#deps.clock, { image, bytesTotal, libraryRequests, startedAt })
    job.bytesRead = entry.durableBytes
    this.#jobs.set(image, job)
    this.#queue.push(job)
    queueMicrotask(() => this.#next())
    return job
  }

  #next(): void {
    while (!this.#isStopped && this.#running.size < this.#options.concurrency) {
      const job = this.#queue.shift()
      if (job === undefined) return
      this.#start(job)
    }
  }

  #start(job: ImportJob): void {
    const run = this.#run(job).finally(() => {
      this.#running.delete(run)
      this.#jobs.delete(job.image)
      job.finish()
      this.#next()
    })
    this.#running.add(run)
  }

  async #run(job: ImportJob): Promise<void> {
    const { clock, logger } = this.#deps
    const startedAt = clock.now()
    let failures = 0
    while (true) {
      try {
        job.controller.signal.throwIfAborted()
        await this.#attempt(job)
        this.#deps.observer.onEnd('published', (clock.now() - startedAt) / 1000)
        return
      } catch (thrown) {
        const error = this.#explain(job, thrown)
        if (error instanceof Stopping || errorCode(error) === 'SHOAL_STATE_CLOSED') return
        failures += 1
        if (errorCode(error) === 'SHOAL_GLANCE_HASH_MISMATCH' && job.keptBytes > 0) {
          logger.warn({ image: job.image, keptBytes: job.keptBytes }, 'what was kept may be damaged, reading all again')
          await this.#note(job, { durableBytes: 0 })
          continue
        }
        if (TRANSIENT.has(errorCode(error) ?? '') && failures < this.#options.attempts) {
          job.state = 'queued'
          job.lastError = error
          const delayMs = Math.min(1000 * 2 ** (failures - 1), MAX_BACKOFF_MS)
          logger.warn({ image: job.image, code: errorCode(error), delayMs }, 'import interrupted, trying again')
          await clock.sleep(delayMs, { signal: job.controller.signal }).catch(() => {})
          continue
        }
        await this.#fail(job, error).catch((err: unknown) =>
          logger.error({ image: job.image, err }, 'import not recorded'),
        )
        const outcome = CANCELLING.has(errorCode(error) ?? '') ? 'cancelled' : 'failed'
        this.#deps.observer.onEnd(outcome, (clock.now() - startedAt) / 1000)
        return
      }
    }
  }

  async #attempt(job: ImportJob): Promise<void> {
    const { source, store, catalogue, publisher, observer } = this.#deps
    const { signal } = job.controller
    const image = await source.show(job.image, { signal })
    checkActive(job.image, image)
    const entry = this.#entries.get(job.image)
    const record = catalogue.image(job.image)
    if (image === undefined || entry === undefined || record === undefined) return
    if (await this.#finishPublishing(job, entry)) return
    const isSame = entry.hash === hashOf(image)
    if (!isSame) await this.#note(job, newJournalEntry(image))
    job.bytesTotal = image.sizeBytes ?? 0
    const stagingPath = store.stagingPath(job.image + STAGED_SUFFIX)
    const layer = await importImage(this.#deps, {
      ...this.#options,
      image,
      stagingPath,
      keepBytes: isSame ? entry.durableBytes : 0,
      announce: this.#options.announce(),
      signal,
      onKept: (keptBytes) => this.#begin(job, keptBytes),
      onRequest: () => {
        job.libraryRequests += 1
        observer.onRequest()
      },
      onBytes: (bytes) => {
        job.bytesRead += bytes
        job.meter.add(bytes)
        observer.onBytes(bytes)
      },
      onDurable: (durableBytes) => this.#note(job, { durableBytes }),
      onVerifying: () => this.#verifying(job),
    })
    signal.throwIfAborted()
    const { digest } = layer.manifest
    await this.#note(job, { publishing: digest })
    await store.adopt(layer, stagingPath)
    await publisher.publish(job.image, layer.manifest, job)
    this.#entries.delete(job.image)
  }

  /** The file was moved into the store and the records were not written: only that is left to do. */
  async #finishPublishing(job: ImportJob, entry: ImportJournalEntry): Promise<boolean> {
    const stored = entry.publishing === null ? undefined : this.#deps.store.get(entry.publishing)
    if (!stored?.isComplete) return false
    job.bytesRead = entry.sizeBytes
    await this.#deps.publisher.publish(job.image, stored.manifest, job)
    this.#entries.delete(job.image)
    return true
  }

  async #begin(job: ImportJob, keptBytes: number): Promise<void> {
    const { journal, clock } = this.#deps
    job.state = 'reading'
    job.keptBytes = keptBytes
    job.bytesRead = keptBytes
    job.lastError = undefined
    job.startedAt ??= new Date(clock.now()).toISOString()
    const isResumed = keptBytes > 0
    const message = isResumed ? `Import goes on from byte ${keptBytes}.` : 'Import started.'
    const details = { bytesRead: keptBytes, bytesTotal: job.bytesTotal }
    const entry = this.#update(job, { durableBytes: keptBytes, startedAt: job.startedAt, publishing: null })
    const type = isResumed ? 'import.resumed' : 'import.started'
    await journal.append([{ type, image: job.image, message, details }], [putJournalEntry(entry)])
  }

  async #verifying(job: ImportJob): Promise<void> {
    job.state = 'verifying'
    await this.#deps.journal.append([{ type: 'import.verifying', image: job.image, message: 'All bytes are read.' }])
  }

  async #note(job: ImportJob, change: Partial<ImportJournalEntry>): Promise<void> {
    await this.#deps.journal.append([], [putJournalEntry(this.#update(job, change))])
  }

  #update(job: ImportJob, change: Partial<ImportJournalEntry>): ImportJournalEntry {
    const before = this.#entries.get(job.image)
    if (before === undefined) throw new Error(`import of ${job.image} has no journal`)
    const entry = { ...before, ...change, libraryRequests: job.libraryRequests }
    this.#entries.set(job.image, entry)
    return entry
  }

  #explain(job: ImportJob, thrown: unknown): unknown {
    const { signal } = job.controller
    if (signal.aborted) return signal.reason
    const vanished = VANISHED[errorCode(thrown) ?? '']
    return vanished === undefined ? thrown : seedError(vanished, { image: job.image }, thrown)
  }

  async #fail(job: ImportJob, error: unknown): Promise<void> {
    const { journal, catalogue, store, logger } = this.#deps
    const code = errorCode(error) ?? 'SHOAL_SEED_INTERNAL'
    const state = CANCELLING.has(code) ? 'cancelled' : 'failed'
    const isKept = KEEP_STAGED.has(code)
    logger.warn({ image: job.image, code, err: error, bytesRead: job.bytesRead }, `import ${state}`)
    const outcome = job.record(state, error)
    if (!isKept) {
      await rm(store.stagingPath(job.image + STAGED_SUFFIX), { force: true })
      this.#entries.delete(job.image)
    }
    const record = catalogue.image(job.image)
    const message = outcome.error?.message ?? 'The import ended.'
    await journal.append(
      [{ type: `import.${state}`, image: job.image, message, details: { code, hint: outcome.error?.hint ?? '' } }],
      [
        ...(record === undefined ? [] : [catalogue.putImage({ ...record, import: outcome })]),
        ...(isKept ? [] : [deleteJournalEntry(job.image)]),
      ],
    )
  }
}

/** Whether an import that ended so may be tried again without being asked for: the image's own bytes were not at fault. */
export function isRetriable(code: string): boolean {
  return KEEP_STAGED.has(code) || code === 'SHOAL_IMAGE_DEACTIVATED'
}
