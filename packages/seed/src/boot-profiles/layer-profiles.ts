import type { Clock, Digest } from '@shoal/core'
import type { Catalogue } from '../images/catalogue.ts'
import { layerBytes, type ProfileRecord } from './profile-record.ts'

/** The image by whose profile a layer is fetched, and kept in part, and the revision of that. */
export interface LayerProfile {
  readonly image: string
  readonly revision: number
  /** That it names of the layer. */
  readonly bytes: number
}

export interface LayerProfilesDeps {
  readonly catalogue: Pick<Catalogue, 'imagesOf'>
  readonly profileOf: (image: string) => ProfileRecord | undefined
  readonly clock: Clock
}

/**
 * A layer is on thousands of nodes, each of which asks with every heartbeat, and a base may have a thousand images: they
 * are not looked through for each node. A changed profile is told at once, an image that comes or goes when this is over.
 */
const FRESH_MS = 10_000
/** More than are on all nodes of a large cloud. */
const MAX_LAYERS = 10_000

/** By which image's profile a layer is best fetched: the one with the most boots behind it. */
export class LayerProfiles {
  readonly #deps: LayerProfilesDeps
  readonly #found = new Map<Digest, { readonly profile: LayerProfile | undefined; readonly at: number }>()

  constructor(deps: LayerProfilesDeps) {
    this.#deps = deps
  }

  of(layer: Digest): LayerProfile | undefined {
    const now = this.#deps.clock.elapsed()
    const known = this.#found.get(layer)
    if (known !== undefined && now - known.at < FRESH_MS) return known.profile
    if (this.#found.size >= MAX_LAYERS) this.#found.clear()
    const profile = this.#find(layer)
    this.#found.set(layer, { profile, at: now })
    return profile
  }

  /** A profile has changed. */
  forget(): void {
    this.#found.clear()
  }

  #find(layer: Digest): LayerProfile | undefined {
    const { catalogue, profileOf } = this.#deps
    let best: { readonly image: string; readonly record: ProfileRecord } | undefined
    for (const { image } of catalogue.imagesOf(layer)) {
      const record = profileOf(image.id)
      if (record === undefined || !record.layers.some(({ digest }) => digest === layer)) continue
      if (best === undefined || record.recordings > best.record.recordings) best = { image: image.id, record }
    }
    if (best === undefined) return undefined
    const { image, record } = best
    return { image, revision: record.revision, bytes: layerBytes(record, layer) }
  }
}
