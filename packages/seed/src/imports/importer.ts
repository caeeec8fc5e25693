import { readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Actor, DEFAULT_PRIORITY, type ImageImport } from '@shoal/api'
import type { GlanceImage } from '@shoal/openstack'
import { seedError } from '../errors.ts'
import { Stopping } from './import-fault.ts'
import { checkActive } from './import-image.ts'
import { ImportJob } from './import-job.ts'
import { hashOf, type ImportJournalEntry, newJournalEntry } from './import-journal.ts'
import { ImportRunner, type ImportRunnerDeps, type ImportRunnerOptions, STAGED_SUFFIX } from './import-runner.ts'

export interface ImporterOptions extends ImportRunnerOptions {
  readonly queueLength: number
  readonly concurrency: number
}

/** How an import is asked for. */
export interface ImportWish {
  readonly priority?: number
  /** Who asks; the seed itself when absent. */
  readonly actor?: Actor
}

/** Queues imports and runs a few at once: asked for twice means imported once, and one limit holds for all. */
export class Importer {
  readonly #deps: ImportRunnerDeps
  readonly #options: ImporterOptions
  readonly #runner: ImportRunner
  readonly #jobs = new Map<string, ImportJob>()
  readonly #queue: ImportJob[] = []
  readonly #running = new Set<Promise<void>>()
  #isStopped = false

  constructor(deps: ImportRunnerDeps, options: ImporterOptions) {
    this.#deps = deps
    this.#options = options
    this.#runner = new ImportRunner(deps, options)
  }

  /** Goes on with what the journal says was under way, and removes staged files that nothing refers to. */
  async resume(): Promise<void> {
    const { imports, catalogue, store, logger } = this.#deps
    for (const entry of imports.entries()) {
      const image = catalogue.image(entry.image)?.image
      if (image === undefined || hashOf(image) !== entry.hash) await this.#runner.discardKept(entry.image)
    }
    const directory = dirname(store.stagingPath('any'))
    const staged = await readdir(directory).catch(() => [])
    for (const name of staged.filter((file) => file.endsWith(STAGED_SUFFIX))) {
      if (imports.get(name.slice(0, -STAGED_SUFFIX.length)) !== undefined) continue
      logger.warn({ file: name }, 'removed a staged file that no import refers to')
      await rm(join(directory, name), { force: true })
    }
    for (const entry of imports.entries()) {
      // A request may have come first.
      if (this.#jobs.has(entry.image)) continue
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

  /**
   * Asks for an import; joins the one that runs. The more urgent ones go first. Throws `SHOAL_IMAGE_NOT_ACTIVE` and its like,
   * `SHOAL_IMPORT_QUEUE_FULL`.
   */
  async request(image: GlanceImage, { priority = DEFAULT_PRIORITY, actor }: ImportWish = {}): Promise<void> {
    const { journal, imports, catalogue, store } = this.#deps
    // One that is being cancelled is no answer to who asks for it now.
    for (let job = this.#jobs.get(image.id); job !== undefined; job = this.#jobs.get(image.id)) {
      if (!job.controller.signal.aborted) return this.#hurry(job, priority)
      await job.done
    }
    const record = catalogue.image(image.id)
    if (record === undefined || this.#isStopped) return
    const known = imports.get(image.id)
    checkActive(image.id, record.image)
    // A layer that lost blocks on the seed's own disk is read again; one whose records are not written is published again.
    if (known === undefined && record.layer !== null && store.get(record.layer)?.isComplete) return
    const limit = this.#options.queueLength
    if (this.#queue.length >= limit) throw seedError('SHOAL_IMPORT_QUEUE_FULL', { limit })
    const entry = known?.hash === hashOf(image) ? known : newJournalEntry(image)
    const job = this.#enqueue(entry)
    this.#hurry(job, priority)
    const message = `Image ${image.name ?? image.id} waits to be imported.`
    await journal.append(
      [{ type: 'import.queued', actor, image: image.id, message }],
      [imports.put(entry), catalogue.putImage({ ...record, import: job.record('queued') })],
    )
  }

  /** Ends an import with the given error; nothing when there is none. Resolves when everything of it is gone. */
  async cancel(image: string, reason: Error, actor?: Actor): Promise<boolean> {
    const job = this.#jobs.get(image)
    if (job === undefined) return false
    job.endedBy = actor
    job.controller.abort(reason)
    const waiting = this.#queue.indexOf(job)
    if (waiting >= 0) {
      this.#queue.splice(waiting, 1)
      this.#start(job)
    }
    await job.done
    return true
  }

  /** Ends an import like {@link cancel}, and frees what one that failed before has kept. */
  async drop(image: string, reason: Error): Promise<void> {
    const wasRunning = await this.cancel(image, reason)
    if (!wasRunning) await this.#runner.discardKept(image)
  }

  /** Stops reading; imports under way go on at the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const job of this.#jobs.values()) job.controller.abort(new Stopping('the seed is stopping'))
    for (const job of this.#queue.splice(0)) this.#start(job)
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

  #hurry(job: ImportJob, priority: number): void {
    job.priority = Math.max(job.priority, priority)
    // Sorting is stable: among equals the one that came first.
    this.#queue.sort((a, b) => b.priority - a.priority)
  }

  #next(): void {
    while (!this.#isStopped && this.#running.size < this.#options.concurrency) {
      const job = this.#queue.shift()
      if (job === undefined) return
      this.#start(job)
    }
  }

  #start(job: ImportJob): void {
    const run = this.#runner.run(job).finally(() => {
      this.#running.delete(run)
      this.#jobs.delete(job.image)
      job.finish()
      this.#next()
    })
    this.#running.add(run)
  }
}
