import { type Digest, errorMessage, type Logger, type Manifest } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import type { StateOperation } from '@shoal/state'
import type { Swarm } from '@shoal/swarm'
import { seedError } from '../errors.ts'
import type { EventDraft, EventJournal } from '../events/event-journal.ts'
import { checkActive } from '../imports/import-image.ts'
import type { ImportJob } from '../imports/import-job.ts'
import type { ImportJournal } from '../imports/import-journal.ts'
import type { LayerPublisher } from '../imports/import-runner.ts'
import { sketchKey } from '../layers/base-choice.ts'
import type { ChainPublisher } from '../layers/chain-publisher.ts'
import type { LayeringJob } from '../layers/layering-job.ts'
import type { Assignments } from '../nodes/assignments.ts'
import type { Catalogue, LayerRecord } from './catalogue.ts'
import { type ImageRecord, layersOf } from './image-record.ts'

export interface PublicationDeps {
  readonly catalogue: Catalogue
  readonly assignments: Assignments
  readonly journal: EventJournal
  readonly imports: ImportJournal
  readonly store: Pick<LayerStore, 'get' | 'layers' | 'remove'>
  readonly swarm: Pick<Swarm, 'get' | 'join' | 'leave'>
  readonly logger: Logger
}

/**
 * Keeps what is distributed in step with the images: a layer is published while an active image refers to it, kept
 * but withdrawn while only deactivated ones do, and removed with its last image. Records are durable before an effect
 * shows, and {@link settle} repeats the effects, so that a crash in between is made good at the next start.
 */
export class Publication implements LayerPublisher, ChainPublisher {
  readonly #deps: PublicationDeps
  #tail: Promise<void> = Promise.resolve()

  constructor(deps: PublicationDeps) {
    this.#deps = deps
  }

  /**
   * Has the staged file adopted, records the layer as what the image was imported as, and seeds it. The store and the
   * records change in one turn, so that no layer is removed between the two because another image of the same bytes
   * went away. Throws `SHOAL_IMAGE_*` if the image is no longer active.
   */
  publish(job: ImportJob, manifest: Manifest, adopt: () => Promise<void>): Promise<void> {
    return this.#serially(() => this.#publish(job, manifest, adopt))
  }

  publishChain(job: LayeringJob, manifest: Manifest, adopt: () => Promise<unknown>): Promise<void> {
    return this.#serially(() => this.#publishChain(job, manifest, adopt))
  }

  discard(digest: Digest): Promise<void> {
    return this.#serially(async () => {
      if (this.#deps.catalogue.layer(digest) === undefined) await this.#deps.store.remove(digest)
    })
  }

  /** Brings one layer in step with its images. */
  async settle(digest: Digest): Promise<void> {
    await this.#serially(() => this.#settle(digest))
  }

  /** Whether nothing is left to do for a layer; if there is, {@link settle} does it, or tries again after a failure. */
  isSettled(digest: Digest): boolean {
    const { catalogue, swarm } = this.#deps
    const layer = catalogue.layer(digest)
    if (layer === undefined) return true
    const images = catalogue.imagesOf(digest)
    if (images.some(({ image }) => image.status === 'active')) return layer.state === 'published'
    return layer.state === 'withdrawn' && images.length > 0 && swarm.get(digest) === undefined
  }

  /** Brings every layer in step and removes stored layers that neither a record nor an import refers to. */
  async open(): Promise<void> {
    const { catalogue, imports, store, logger } = this.#deps
    for (const { digest } of catalogue.layers()) await this.settle(digest)
    for (const { manifest } of store.layers()) {
      const { digest } = manifest
      if (catalogue.layer(digest) !== undefined || imports.isPublishing(digest)) continue
      logger.warn({ digest }, 'removed a layer that was never published')
      await store.remove(digest)
    }
  }

  #serially(task: () => Promise<void>): Promise<void> {
    const run = this.#tail.then(task)
    this.#tail = run.catch(() => {})
    return run
  }

  async #publish(job: ImportJob, manifest: Manifest, adopt: () => Promise<void>): Promise<void> {
    const { catalogue, assignments, journal, imports } = this.#deps
    const { image } = job
    const { digest, parent } = manifest
    this.#checkWanted(job)
    this.#checkParent(image, manifest)
    await adopt()
    const record = this.#checkWanted(job)
    const layer: LayerRecord = { ...toLayerRecord(manifest), ...catalogue.layer(digest), state: 'published' }
    const restored = assignments.restore(digest)
    job.bytesRead = job.bytesTotal
    const draft: EventDraft = {
      type: 'import.published',
      image,
      layer: digest,
      message: `Image ${record.image.name ?? image} is published as a layer.`,
      details: { sizeBytes: manifest.sizeBytes, libraryRequests: job.libraryRequests, infoHash: manifest.infoHash },
    }
    const entry = imports.get(image)
    const operations = [
      catalogue.putImage({
        ...record,
        layer: digest,
        ...(parent === null ? {} : { chain: [parent, digest] as const }),
        import: job.record('published'),
      }),
      catalogue.putLayer(layer),
      imports.remove(image),
      ...restored.operations,
    ]
    try {
      await journal.append([draft], operations)
    } catch (error) {
      // With its entry the next request, or start, publishes the stored file and reads nothing.
      if (entry !== undefined) await journal.append([], [imports.put(entry)]).catch(() => {})
      throw error
    }
    restored.announce()
    await this.#seed(digest)
  }

  /** The parent of a layer has to be there, and to be its parent for every image: a digest says nothing of what is below. */
  #checkParent(image: string, { digest, parent }: Manifest): void {
    const { catalogue } = this.#deps
    const isThere = parent === null || catalogue.layer(parent)?.state === 'published'
    if (!isThere) throw seedError('SHOAL_IMAGE_PARENT_UNKNOWN', { image, parent })
    const known = catalogue.layer(digest)
    if (known === undefined || known.parent === parent) return
    const lies = known.parent === null ? 'a base' : `a middle over ${known.parent}`
    throw seedError('SHOAL_IMAGE_OTHER_PARENT', { image, layer: digest, lies })
  }

  async #publishChain(job: LayeringJob, manifest: Manifest, adopt: () => Promise<unknown>): Promise<void> {
    const { catalogue, assignments, journal } = this.#deps
    const { digest, parent } = manifest
    if (parent !== null && catalogue.layer(parent)?.state !== 'published') {
      throw seedError('SHOAL_LAYER_WITHDRAWN', { layer: parent })
    }
    this.#checkParent(job.image, manifest)
    this.#checkImported(job)
    await adopt()
    const record = this.#checkImported(job)
    const restored = assignments.restore(digest)
    const layering = job.record('published')
    const known = catalogue.layer(digest)
    const bootBytes = Math.max(job.bootBytes, known?.bootBytes ?? 0)
    const name = record.image.name ?? job.image
    const saved = Math.round((1 - manifest.sizeBytes / layering.flatBytes) * 100)
    const middle = `Image ${name} is a base and a middle now, which saves ${saved} % of its size.`
    const draft: EventDraft = {
      type: 'layering.published',
      image: job.image,
      layer: digest,
      message: parent === null ? `Image ${name} is a base that was laid out anew.` : middle,
      details: { base: parent, sizeBytes: manifest.sizeBytes, flatBytes: layering.flatBytes },
    }
    await journal.append(
      [draft],
      [
        catalogue.putImage({ ...record, chain: parent === null ? [digest] : [parent, digest], layering }),
        catalogue.putLayer({ ...toLayerRecord(manifest), ...known, bootBytes, state: 'published' }),
        ...restored.operations,
      ],
    )
    restored.announce()
    await this.#seed(digest)
    for (const replaced of layersOf(record).filter((layer) => layer !== digest)) await this.#settle(replaced)
  }

  #checkWanted({ image, controller }: Pick<ImportJob, 'image' | 'controller'>): ImageRecord {
    controller.signal.throwIfAborted()
    const record = this.#deps.catalogue.image(image)
    checkActive(image, record?.image)
    if (record === undefined) throw seedError('SHOAL_IMAGE_DELETED', { image })
    return record
  }

  /** What was taken back meanwhile has no layers to be made of it. */
  #checkImported(job: LayeringJob): ImageRecord {
    const record = this.#checkWanted(job)
    if (record.layer === null) throw seedError('SHOAL_LAYERING_NOT_IMPORTED', { image: job.image })
    return record
  }

  async #settle(digest: Digest): Promise<void> {
    const { catalogue, assignments, journal, store, swarm } = this.#deps
    const layer = catalogue.layer(digest)
    if (layer === undefined) return
    const images = catalogue.imagesOf(digest)
    if (images.some(({ image }) => image.status === 'active')) {
      if (layer.state === 'withdrawn') {
        const restored = assignments.restore(digest)
        await journal.append([], [catalogue.putLayer({ ...layer, state: 'published' }), ...restored.operations])
        restored.announce()
      }
      await this.#seed(digest)
      return
    }
    if (layer.state === 'published') {
      const revoked = assignments.revoke(digest)
      const message = 'The layer is withdrawn: none of its images is active.'
      await journal.append(
        [{ type: 'layer.withdrawn', layer: digest, message, details: { images: images.map(({ image }) => image.id) } }],
        [catalogue.putLayer({ ...layer, state: 'withdrawn' }), ...revoked.operations],
      )
      revoked.announce()
    }
    await swarm.leave(digest)
    if (images.length > 0) return
    await store.remove(digest)
    // The layer and what the deleted images say of it go in one step: an image that comes back starts afresh.
    const freed = catalogue.images().filter((record) => layersOf(record).includes(digest))
    const unlinked = freed.map((record) => catalogue.putImage(withoutLayer(record, digest)))
    const forgotten: StateOperation = { type: 'delete', key: sketchKey(digest) }
    await journal.append([], [catalogue.removeLayer(digest), forgotten, ...unlinked])
  }

  async #seed(digest: Digest): Promise<void> {
    const { store, swarm, logger } = this.#deps
    const stored = store.get(digest)
    if (stored === undefined) return logger.error({ digest }, 'the file of a published layer is missing')
    try {
      await swarm.join(stored)
    } catch (error) {
      logger.error({ digest, reason: errorMessage(error) }, 'a published layer cannot be seeded')
    }
  }
}

function withoutLayer(record: ImageRecord, digest: Digest): ImageRecord {
  const { layer, chain } = record
  return { ...record, layer: layer === digest ? null : layer, chain: chain?.includes(digest) ? null : chain }
}

function toLayerRecord({ blockHashes: _, createdAt, ...manifest }: Manifest): LayerRecord {
  return { ...manifest, state: 'published', createdAt: new Date(createdAt).toISOString(), bootBytes: 0 }
}
