import type { KeyObject } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { type Clock, chooseGeometry, errorCode, type Logger } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
import { hotClusters, type Qcow2Format, readBootProfile } from '@shoal/qcow2'
import { seedError } from '../errors.ts'
import type { EventJournal } from '../events/event-journal.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { ImageRecord } from '../images/image-record.ts'
import { isStop } from '../imports/import-fault.ts'
import { checkActive } from '../imports/import-image.ts'
import { STAGED_SUFFIX } from '../imports/import-runner.ts'
import { buildLayer } from '../imports/layer-builder.ts'
import { type BaseChoice, fileOf } from './base-choice.ts'
import type { ChainPublisher } from './chain-publisher.ts'
import { hashLayer } from './hash-layer.ts'
import type { LayerTask } from './layer-task.ts'
import type { LayerWorker } from './layer-worker.ts'
import type { LayeringEnd, LayeringJob } from './layering-job.ts'

export interface LayeringRunnerDeps {
  readonly catalogue: Catalogue
  readonly store: Pick<LayerStore, 'adopt' | 'get' | 'stagingPath' | 'usage'>
  readonly bases: BaseChoice
  readonly journal: EventJournal
  readonly publisher: ChainPublisher
  /** A process for the work on one image, which ends it. */
  readonly startWorker: (image: string) => Pick<LayerWorker, 'run' | typeof Symbol.asyncDispose>
  readonly clock: Clock
  readonly logger: Logger
}

export interface LayeringRunnerOptions {
  readonly format: Qcow2Format
  /** The key that signs now. */
  readonly privateKey: () => KeyObject
  readonly announce: () => readonly string[]
}

/** What a layer is made of, and where. */
interface LayerParts {
  readonly path: string
  readonly flat: StoredLayer
  /** `null` for a layer that is to be a base. */
  readonly base: StoredLayer | null
}

/** A staged file without an import is removed at the next start. */
const STAGED_MIDDLE_SUFFIX = `.middle${STAGED_SUFFIX}`
/** What stays free on the disk of the state directory. */
const RESERVED_BYTES = 64 * 1024 ** 2

/** Makes layers of one image; nothing counts before they were found to show the image's bytes. */
export class LayeringRunner {
  readonly #deps: LayeringRunnerDeps
  readonly #options: LayeringRunnerOptions

  constructor(deps: LayeringRunnerDeps, options: LayeringRunnerOptions) {
    this.#deps = deps
    this.#options = options
  }

  /** Never rejects: how it ended is in the image's record. */
  async run(job: LayeringJob): Promise<void> {
    const path = this.#deps.store.stagingPath(job.image + STAGED_MIDDLE_SUFFIX)
    try {
      const isPublished = await this.#make(job, path)
      if (!isPublished) await this.#end(job, 'kept-flat')
    } catch (thrown) {
      const { signal } = job.controller
      const error: unknown = signal.aborted ? signal.reason : thrown
      // It is begun again at the next start.
      if (isStop(error)) return
      const isCancelled = errorCode(error) === 'SHOAL_LAYERING_CANCELLED'
      await this.#end(job, isCancelled ? 'cancelled' : 'failed', error)
    } finally {
      await rm(path, { force: true }).catch(() => {})
    }
  }

  /** Whether a layer was published. */
  async #make(job: LayeringJob, path: string): Promise<boolean> {
    job.controller.signal.throwIfAborted()
    const flat = this.#flatOf(job)
    await using worker = this.#deps.startWorker(job.image)
    job.enter('comparing')
    const base = job.request.base === 'none' ? null : await this.#chooseBase(job, worker)
    if (base === undefined || job.estimatedSharing === 0) return false
    await this.#checkSpace(job, flat)
    const parts = { path, flat, base }
    const sizeBytes = await this.#write(job, worker, parts)
    if (!job.isWorth(sizeBytes)) return false
    await this.#verify(job, worker, parts)
    await this.#publish(job, { ...parts, sizeBytes })
    return true
  }

  /** Writes the layer; returns its bytes. */
  async #write(job: LayeringJob, worker: Pick<LayerWorker, 'run'>, { path, flat, base }: LayerParts): Promise<number> {
    const { format } = this.#options
    const { dropFreeSpace = false, bootProfile } = job.request
    job.enter('writing')
    const hot = await hotClustersOf(bootProfile, 2 ** format.clusterBits)
    job.hotBytes = hot.length * 2 ** format.clusterBits
    const task: Extract<LayerTask, { type: 'write' }> = {
      ...{ type: 'write', path, format, hot, dropFreeSpace },
      disk: [fileOf(flat)],
      base: base === null ? null : [fileOf(base)],
    }
    const { sizeBytes, freeBytes, bootBytes } = await worker.run(task, this.#watched(job))
    job.layerBytes = sizeBytes
    job.freeBytes = freeBytes
    job.bootBytes = bootBytes
    return sizeBytes
  }

  /** Throws `SHOAL_LAYERING_DIFFERS` unless the layer, on its base if it has one, shows what the image shows. */
  async #verify(job: LayeringJob, worker: Pick<LayerWorker, 'run'>, { path, flat, base }: LayerParts): Promise<void> {
    job.enter('verifying')
    const task: Extract<LayerTask, { type: 'compare' }> = {
      ...{ type: 'compare', dropFreeSpace: job.request.dropFreeSpace ?? false },
      one: [fileOf(flat)],
      other: [{ path, format: 'qcow2' }, ...(base === null ? [] : [fileOf(base)])],
    }
    const offset = await worker.run(task, this.#watched(job))
    if (offset !== null) throw seedError('SHOAL_LAYERING_DIFFERS', { image: job.image, offset })
  }

  #watched(job: LayeringJob) {
    const onProgress = (doneBytes: number) => {
      job.doneBytes = doneBytes
    }
    return { signal: job.controller.signal, onProgress }
  }

  #flatOf(job: LayeringJob): StoredLayer {
    const record = this.#record(job)
    const flat = record.layer === null ? undefined : this.#deps.store.get(record.layer)
    if (!flat?.isComplete) throw seedError('SHOAL_LAYERING_NOT_IMPORTED', { image: job.image })
    return flat
  }

  #record({ image }: LayeringJob): ImageRecord {
    const record = this.#deps.catalogue.image(image)
    checkActive(image, record?.image)
    if (record === undefined) throw seedError('SHOAL_IMAGE_DELETED', { image })
    return record
  }

  async #chooseBase(job: LayeringJob, worker: Pick<LayerWorker, 'run'>): Promise<StoredLayer | undefined> {
    const { bases } = this.#deps
    const { signal } = job.controller
    const record = this.#record(job)
    const { base: wanted = 'auto' } = job.request
    if (wanted === 'auto') {
      const best = await bases.choose(record, worker, signal)
      job.estimatedSharing = best?.sharing ?? null
      job.base = best?.base.manifest.digest ?? null
      return best?.base
    }
    const base = bases.candidates(record).find(({ manifest }) => manifest.digest === wanted)
    if (base === undefined) throw seedError('SHOAL_LAYERING_BASE', { image: job.image, base: wanted })
    job.base = base.manifest.digest
    return base
  }

  async #checkSpace({ image }: LayeringJob, { manifest }: StoredLayer): Promise<void> {
    const { freeBytes } = await this.#deps.store.usage()
    if (manifest.sizeBytes + RESERVED_BYTES <= freeBytes) return
    throw seedError('SHOAL_LAYERING_NO_SPACE', { image, neededBytes: manifest.sizeBytes })
  }

  async #publish(job: LayeringJob, { path, sizeBytes, flat, base }: LayerParts & { sizeBytes: number }): Promise<void> {
    const { store, clock, publisher } = this.#deps
    const { signal } = job.controller
    const geometry = chooseGeometry(sizeBytes)
    const hashes = await hashLayer(job.image, path, { geometry, signal })
    const parent = base?.manifest.digest
    const layer = buildLayer(hashes, {
      ...{ privateKey: this.#options.privateKey(), announce: this.#options.announce() },
      ...{ geometry, format: 'qcow2', virtualSizeBytes: flat.manifest.virtualSizeBytes, parent },
      createdAt: clock.now(),
    })
    await publisher.publishChain(job, layer.manifest, () => store.adopt(layer, path))
  }

  async #end(job: LayeringJob, end: LayeringEnd, error?: unknown): Promise<void> {
    const { catalogue, journal, logger } = this.#deps
    const record = catalogue.image(job.image)
    if (record === undefined) return
    const layering = job.record(end, error)
    logger.info({ image: job.image, end, code: errorCode(error), err: error }, 'the making of layers ended')
    const message = describe(job, end)
    const draft = { type: `layering.${end}`, actor: job.endedBy, image: job.image, message } as const
    await journal
      .append([draft], [catalogue.putImage({ ...record, layering })])
      .catch((err: unknown) => logger.error({ image: job.image, err }, 'the end of a layering is not recorded'))
  }
}

async function hotClustersOf(profile: string | undefined, clusterBytes: number): Promise<number[]> {
  return profile === undefined ? [] : hotClusters(await readBootProfile(profile), clusterBytes)
}

function describe(job: LayeringJob, end: LayeringEnd): string {
  const { base, layerBytes, flatBytes, minimumSaving, error } = job.view()
  if (end === 'failed' || end === 'cancelled')
    return `The making of layers ${end}: ${error?.message ?? 'see the image'}`
  if (base === null) return 'The image stays one layer: no known base fits it.'
  if (layerBytes === null) return 'The image stays one layer: it has nothing in common with the base that fits it best.'
  const saved = Math.round((1 - layerBytes / flatBytes) * 100)
  return `The image stays one layer: a middle would save ${saved} %, less than ${Math.round(minimumSaving * 100)} %.`
}
