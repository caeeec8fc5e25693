import type { Digest } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
import { Sketch } from '@shoal/qcow2'
import type { StateStore } from '@shoal/state'
import type { Catalogue } from '../images/catalogue.ts'
import { chainOf, type ImageRecord } from '../images/image-record.ts'
import type { DiskFile } from './disk-files.ts'
import type { LayerWorker } from './layer-worker.ts'

export interface BaseChoiceDeps {
  readonly catalogue: Catalogue
  readonly store: Pick<LayerStore, 'get'>
  readonly state: StateStore
}

export interface ChosenBase {
  readonly base: StoredLayer
  /** Part of the image's content that the base has at the same place, 0 to 1, by a sample. */
  readonly sharing: number
}

/** Where the sketch of a layer is kept. */
export function sketchKey(digest: Digest): string {
  return `seed/sketch/${digest}`
}

/**
 * Finds the base that an image has most in common with. Sketches of bases are kept, so that a new image costs a read of a 32nd of its
 * own content and of none of theirs.
 */
export class BaseChoice {
  readonly #deps: BaseChoiceDeps

  constructor(deps: BaseChoiceDeps) {
    this.#deps = deps
  }

  /**
   * Layers that may be below a middle of the image: bases that images resolve to, complete, not larger, and not of somebody else's private
   * image, whose content a middle would bring to this image's nodes.
   */
  candidates(record: ImageRecord): StoredLayer[] {
    const { catalogue, store } = this.#deps
    const own = record.layer === null ? undefined : catalogue.layer(record.layer)
    if (own === undefined || own.kind === 'middle') return []
    return catalogue.layers().flatMap(({ digest, kind, state, virtualSizeBytes }) => {
      if (digest === own.digest || kind !== 'base' || state !== 'published') return []
      if (virtualSizeBytes > own.virtualSizeBytes) return []
      const owners = catalogue.imagesOf(digest).filter((other) => chainOf(other)[0] === digest)
      if (!owners.some((other) => mayShare(other, record))) return []
      const stored = store.get(digest)
      return stored?.isComplete ? [stored] : []
    })
  }

  /** The best of the candidates, or `undefined` when there is none. */
  async choose(
    record: ImageRecord,
    worker: Pick<LayerWorker, 'run'>,
    signal: AbortSignal,
  ): Promise<ChosenBase | undefined> {
    const own = record.layer === null ? undefined : this.#deps.store.get(record.layer)
    const candidates = this.candidates(record)
    if (own === undefined || candidates.length === 0) return undefined
    const sketch = await this.sketchOf(own, worker, signal)
    let best: ChosenBase | undefined
    for (const base of candidates) {
      const sharing = sketch.sharedWith(await this.sketchOf(base, worker, signal))
      if (best === undefined || sharing > best.sharing) best = { base, sharing }
    }
    return best
  }

  async sketchOf(layer: StoredLayer, worker: Pick<LayerWorker, 'run'>, signal: AbortSignal): Promise<Sketch> {
    const { state } = this.#deps
    const key = sketchKey(layer.manifest.digest)
    const known = await state.get<string>(key)
    if (known !== undefined) return Sketch.decode(known.value)
    const encoded = await worker.run({ type: 'sketch', disk: [fileOf(layer)] }, { signal })
    await state.put(key, encoded)
    return Sketch.decode(encoded)
  }
}

/** The file of a complete layer. */
export function fileOf({ path, manifest }: StoredLayer): DiskFile {
  return { path, format: manifest.format }
}

/** Whether the first image's content may come to nodes as part of the second's. */
export function mayShare({ image: base }: Pick<ImageRecord, 'image'>, { image }: Pick<ImageRecord, 'image'>): boolean {
  return base.visibility === 'public' || base.visibility === 'community' || base.owner === image.owner
}
