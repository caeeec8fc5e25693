import type { Actor, Layering, LayeringRequest } from '@shoal/api'
import { readBootProfile } from '@shoal/qcow2'
import { seedError } from '../errors.ts'
import type { ImageRecord } from '../images/image-record.ts'
import { Stopping } from '../imports/import-fault.ts'
import { checkActive } from '../imports/import-image.ts'
import { LayeringJob } from './layering-job.ts'
import { LayeringRunner, type LayeringRunnerDeps, type LayeringRunnerOptions } from './layering-runner.ts'

export interface LayeringsOptions extends LayeringRunnerOptions {
  /** Whether it is tried for every image that was imported. */
  readonly automatic: boolean
  readonly minimumSaving: number
  readonly queueLength: number
}

const UNFINISHED: ReadonlySet<string> = new Set(['queued', 'comparing', 'writing', 'verifying'])

/** Queues the making of layers, one image at a time: it takes a core and the disk that the swarm is served from. */
export class Layerings {
  readonly #deps: LayeringRunnerDeps
  readonly #options: LayeringsOptions
  readonly #runner: LayeringRunner
  readonly #jobs = new Map<string, LayeringJob>()
  readonly #queue: LayeringJob[] = []
  #running: Promise<void> | undefined
  #isStopped = false

  constructor(deps: LayeringRunnerDeps, options: LayeringsOptions) {
    this.#deps = deps
    this.#options = options
    this.#runner = new LayeringRunner(deps, options)
  }

  /** Begins again what was under way; what it had staged the importer has removed. */
  resume(): void {
    for (const record of this.#deps.catalogue.images()) {
      const { layering, image, deletedAt } = record
      const isWanted = deletedAt === null && image.status === 'active'
      if (layering !== null && isWanted && UNFINISHED.has(layering.state)) this.#enqueue(record, layering.request)
    }
  }

  /** The one that runs or waits, or `undefined`. */
  progress(image: string): Layering | undefined {
    return this.#jobs.get(image)?.view()
  }

  /**
   * Asks for layers of an image; joins the one that runs. Throws `SHOAL_LAYERING_NOT_IMPORTED`, `SHOAL_LAYERING_MIDDLE`,
   * `SHOAL_LAYERING_QUEUE_FULL`, `SHOAL_BOOT_PROFILE_*`, or `SHOAL_IMAGE_*` for an image that is not active.
   */
  async request(record: ImageRecord, request: LayeringRequest, actor?: Actor): Promise<void> {
    const { catalogue, journal } = this.#deps
    const { id: image } = record.image
    if (this.#jobs.has(image) || this.#isStopped) return
    checkActive(image, record.image)
    // A bad one is refused now, not when its turn comes.
    if (request.bootProfile !== undefined) await readBootProfile(request.bootProfile)
    const layer = record.layer === null ? undefined : catalogue.layer(record.layer)
    if (layer === undefined) throw seedError('SHOAL_LAYERING_NOT_IMPORTED', { image })
    if (layer.kind === 'middle') throw seedError('SHOAL_LAYERING_MIDDLE', { image })
    const { queueLength: limit } = this.#options
    if (this.#queue.length >= limit) throw seedError('SHOAL_LAYERING_QUEUE_FULL', { limit })
    const job = this.#enqueue(record, request)
    const message = `Layers of image ${record.image.name ?? image} are to be made.`
    await journal.append(
      [{ type: 'layering.queued', actor, image, message }],
      [catalogue.putImage({ ...record, layering: job.record() })],
    )
  }

  /** Resolves when the one of the image has ended, however it did; at once when there is none. */
  async settled(image: string): Promise<void> {
    await this.#jobs.get(image)?.done
  }

  /** Tries it for an image that was just imported, where that is wanted and there is a base. Never throws. */
  async consider(image: string): Promise<void> {
    const { catalogue, bases, logger } = this.#deps
    const record = catalogue.image(image)
    if (!this.#options.automatic || record === undefined || record.layering !== null) return
    if (bases.candidates(record).length === 0) return
    await this.request(record, {}).catch((err: unknown) =>
      logger.warn({ image, err }, 'no layers are made of an image'),
    )
  }

  /** Ends one with the given error; false when there is none. Resolves when nothing of it is left. */
  async cancel(image: string, reason: Error, actor?: Actor): Promise<boolean> {
    const job = this.#jobs.get(image)
    if (job === undefined) return false
    job.endedBy = actor
    job.controller.abort(reason)
    const waiting = this.#queue.indexOf(job)
    if (waiting >= 0) {
      this.#queue.splice(waiting, 1)
      await this.#work(job)
    }
    await job.done
    return true
  }

  /** Stops working; what is under way is begun again at the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true
    for (const job of this.#jobs.values()) job.controller.abort(new Stopping('the seed is stopping'))
    await this.#running
  }

  #enqueue(record: ImageRecord, request: LayeringRequest): LayeringJob {
    const { catalogue, clock } = this.#deps
    const { minimumSaving } = this.#options
    const flat = record.layer === null ? undefined : catalogue.layer(record.layer)
    const sizes = { flatBytes: flat?.sizeBytes ?? 0, totalBytes: flat?.virtualSizeBytes ?? 0 }
    const job = new LayeringJob(clock, { image: record.image.id, request, minimumSaving, ...sizes })
    this.#jobs.set(job.image, job)
    this.#queue.push(job)
    this.#running ??= this.#run()
    return job
  }

  async #run(): Promise<void> {
    // The caller records the job before it changes.
    await Promise.resolve()
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      await this.#work(job)
    }
    this.#running = undefined
  }

  async #work(job: LayeringJob): Promise<void> {
    await this.#runner.run(job)
    this.#jobs.delete(job.image)
    job.finish()
  }
}
