import type { Digest, LayerFormat, LayerKind } from '@shoal/core'
import type { StateOperation, StateStore } from '@shoal/state'
import { type ImageRecord, layersOf } from './image-record.ts'

/** A layer as the seed knows it. */
export interface LayerRecord {
  readonly digest: Digest
  readonly parent: Digest | null
  readonly kind: LayerKind
  readonly format: LayerFormat
  readonly sizeBytes: number
  readonly virtualSizeBytes: number
  readonly blockLengthBytes: number
  readonly pieceLengthBytes: number
  readonly infoHash: string
  /** published while an active image refers to it. */
  readonly state: 'published' | 'withdrawn'
  readonly createdAt: string
  /** At the beginning of its file, what a boot reads; 0 when that is not known. */
  readonly bootBytes: number
}

const IMAGES = 'seed/image/'
const LAYERS = 'seed/layer/'

/**
 * The images and layers in memory, with their durable records. A change is made in memory at once and gives the
 * operation that makes it durable; the caller writes that together with the events that tell of it.
 */
export class Catalogue {
  readonly #state: StateStore
  readonly #images = new Map<string, ImageRecord>()
  readonly #layers = new Map<Digest, LayerRecord>()
  readonly #imagesOfLayer = new Map<Digest, Set<string>>()
  readonly #infoHashes = new Map<string, Digest>()

  constructor(state: StateStore) {
    this.#state = state
  }

  async open(): Promise<void> {
    // Records that an earlier version wrote know less.
    for await (const { value } of this.#state.range<LayerRecord>({ prefix: LAYERS })) {
      const { bootBytes = 0, ...record } = value
      this.putLayer({ ...record, bootBytes })
    }
    for await (const { value } of this.#state.range<ImageRecord>({ prefix: IMAGES })) {
      const { inspection = null, chain = null, layering = null, signature = null, ...record } = value
      this.putImage({ ...record, inspection, chain, layering, signature })
    }
  }

  image(id: string): ImageRecord | undefined {
    return this.#images.get(id)
  }

  /** Every image, ordered by id. */
  images(): ImageRecord[] {
    return [...this.#images.values()].sort((a, b) => (a.image.id < b.image.id ? -1 : 1))
  }

  layer(digest: string): LayerRecord | undefined {
    return this.#layers.get(digest as Digest)
  }

  /** Every layer, ordered by digest. */
  layers(): LayerRecord[] {
    return [...this.#layers.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1))
  }

  /** The images that a layer is part of, deleted ones not among them. */
  imagesOf(digest: Digest): ImageRecord[] {
    const ids = [...(this.#imagesOfLayer.get(digest) ?? [])].sort()
    return ids.flatMap((id) => this.#images.get(id) ?? []).filter((record) => record.deletedAt === null)
  }

  /** The published layer of a swarm (info hash, hexadecimal). */
  publishedLayer(infoHash: string): LayerRecord | undefined {
    const digest = this.#infoHashes.get(infoHash)
    const record = digest === undefined ? undefined : this.#layers.get(digest)
    return record?.state === 'published' ? record : undefined
  }

  putImage(record: ImageRecord): StateOperation {
    const { id } = record.image
    this.#unlink(id)
    this.#images.set(id, record)
    for (const layer of layersOf(record)) {
      const images = this.#imagesOfLayer.get(layer) ?? new Set()
      this.#imagesOfLayer.set(layer, images.add(id))
    }
    return { type: 'put', key: IMAGES + id, value: record }
  }

  removeImage(id: string): StateOperation {
    this.#unlink(id)
    this.#images.delete(id)
    return { type: 'delete', key: IMAGES + id }
  }

  putLayer(record: LayerRecord): StateOperation {
    this.#layers.set(record.digest, record)
    this.#infoHashes.set(record.infoHash, record.digest)
    return { type: 'put', key: LAYERS + record.digest, value: record }
  }

  removeLayer(digest: Digest): StateOperation {
    const record = this.#layers.get(digest)
    if (record !== undefined) this.#infoHashes.delete(record.infoHash)
    this.#layers.delete(digest)
    return { type: 'delete', key: LAYERS + digest }
  }

  #unlink(id: string): void {
    const record = this.#images.get(id)
    for (const digest of record === undefined ? [] : layersOf(record)) {
      const images = this.#imagesOfLayer.get(digest)
      images?.delete(id)
      if (images?.size === 0) this.#imagesOfLayer.delete(digest)
    }
  }
}
