import type { Clock, Digest } from '@shoal/core'
import type { Catalogue } from '../images/catalogue.ts'
import type { ProfileRecord } from './profile-record.ts'

/** The image by whose profile a layer is fetched, and the revision of that. */
export interface LayerProfile {
  readonly image: string
  readonly revision: number
}

export interface LayerProfilesDeps {
  readonly catalogue: Pick<Catalogue, 'imagesOf'>
  readonly profileOf: (image: string) => ProfileRecord | undefined
  readonly clock: Clock
}

/**
 * A plan assigns a layer to thousands of nodes, and a base may have a thousand images: they are not looked through for
 * each node.
 */
const FRESH_MS = 1000
/** More than a plan has. */
const MAX_LAYERS = 1000

/** By which image's profile a layer is best fetched: the one with the most boots behind it. */
export class LayerProfiles {
  readonly #deps: LayerProfilesDeps
  readonly #found = new Map<Digest, { readonly profile: LayerProfile | undefined; readonly at: number }>()

  constructor(deps: LayerProfilesDeps) {
    this.#deps = deps
  }

  of(layer: Digest): LayerProfile | undefined {
    const now = this.#deps.clock.now()
    const known = this.#found.get(layer)
    if (known !== undefined && now >= known.at && now - known.at < FRESH_MS) return known.profile
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
    let best: (LayerProfile & { recordings: number }) | undefined
    for (const { image } of catalogue.imagesOf(layer)) {
      const record = profileOf(image.id)
      if (record === undefined || !record.layers.some(({ digest }) => digest === layer)) continue
      const { revision, recordings } = record
      if (best === undefined || recordings > best.recordings) best = { image: image.id, revision, recordings }
    }
    return best && { image: best.image, revision: best.revision }
  }
}
