import { type Digest, errorMessage, type Logger, type Manifest } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import type { Swarm } from '@shoal/swarm'
import type { EventDraft, EventJournal } from '../events/event-journal.ts'
import { checkActive } from '../imports/import-image.ts'
import type { ImportJob } from '../imports/import-job.ts'
import { deleteJournalEntry } from '../imports/import-journal.ts'
import type { Assignments } from '../nodes/assignments.ts'
import type { Catalogue, LayerRecord } from './catalogue.ts'

export interface PublicationDeps {
  readonly catalogue: Catalogue
  readonly assignments: Assignments
  readonly journal: EventJournal
  readonly store: Pick<LayerStore, 'get' | 'layers' | 'remove'>
  readonly swarm: Pick<Swarm, 'join' | 'leave'>
  readonly logger: Logger
}

/**
 * Keeps what is distributed in step with the images: a layer is published while an active image refers to it, kept
 * but withdrawn while only deactivated ones do, and removed with its last image. Records are durable before an effect
 * shows, and {@link settle} repeats the effects, so that a crash in between is made good at the next start.
 */
export class Publication {
  readonly #deps: PublicationDeps
  #tail: Promise<void> = Promise.resolve()

  constructor(deps: PublicationDeps) {
    this.#deps = deps
  }

  /** Records the stored layer as what the image was imported as, and seeds it. Throws `SHOAL_IMAGE_*` if the image is no longer active. */
  async publish(image: string, manifest: Manifest, job: ImportJob): Promise<void> {
    await this.#serially(() => this.#publish(image, manifest, job))
  }

  /** Brings one layer in step with its images. */
  async settle(digest: Digest): Promise<void> {
    await this.#serially(() => this.#settle(digest))
  }

  /** Brings every layer in step and removes stored layers that no record refers to, but for the given ones. */
  async open(options: { keep: readonly Digest[] }): Promise<void> {
    const { catalogue, store, logger } = this.#deps
    for (const { digest } of catalogue.layers()) await this.settle(digest)
    for (const { manifest } of store.layers()) {
      const { digest } = manifest
      if (catalogue.layer(digest) !== undefined || options.keep.includes(digest)) continue
      logger.warn({ digest }, 'removed a layer that was never published')
      await store.remove(digest)
    }
  }

  #serially(task: () => Promise<void>): Promise<void> {
    const run = this.#tail.then(task)
    this.#tail = run.catch(() => {})
    return run
  }

  async #publish(image: string, manifest: Manifest, job: ImportJob): Promise<void> {
    const { catalogue, assignments, journal, store } = this.#deps
    const { digest } = manifest
    const record = catalogue.image(image)
    try {
      job.controller.signal.throwIfAborted()
      checkActive(image, record?.image)
    } catch (error) {
      if (catalogue.layer(digest) === undefined) await store.remove(digest)
      throw error
    }
    if (record === undefined) return
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
    await journal.append(
      [draft],
      [
        catalogue.putImage({ ...record, layer: digest, import: job.record('published') }),
        catalogue.putLayer(layer),
        deleteJournalEntry(image),
        ...restored.operations,
      ],
    )
    restored.announce()
    await this.#seed(digest)
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
    await journal.append([], [catalogue.removeLayer(digest)])
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

function toLayerRecord({ blockHashes: _, createdAt, ...manifest }: Manifest): LayerRecord {
  return { ...manifest, state: 'published', createdAt: new Date(createdAt).toISOString() }
}
