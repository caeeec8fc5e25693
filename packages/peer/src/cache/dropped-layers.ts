import type { LayerCache } from '@shoal/cache'
import { type Digest, errorCode, type Logger, parseDigest } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'

export interface DroppedLayersDeps {
  readonly store: Pick<LayerStore, 'get'>
  readonly cache: Pick<LayerCache, 'evict'>
  /** Space became free. */
  readonly onRoom: () => void
  readonly logger: Logger
}

/** Layers that nobody wants on this node any more, by the seed's word: they go as soon as nothing here keeps them. */
export class DroppedLayers {
  readonly #deps: DroppedLayersDeps
  #digests: readonly Digest[] = []
  #removing: Promise<void> | undefined

  constructor(deps: DroppedLayersDeps) {
    this.#deps = deps
  }

  set(digests: readonly string[]): void {
    this.#digests = digests.map(parseDigest)
  }

  /** Removes what can be removed now. Never rejects: what stays is tried again at the next look. */
  remove(): Promise<void> {
    this.#removing ??= this.#remove().finally(() => {
      this.#removing = undefined
    })
    return this.#removing
  }

  async #remove(): Promise<void> {
    const { store, cache, onRoom, logger } = this.#deps
    for (const digest of this.#digests) {
      if (store.get(digest) === undefined) continue
      try {
        await cache.evict(digest)
        onRoom()
      } catch (error) {
        logger.debug({ layer: digest, code: errorCode(error) }, 'a layer that nobody wants stays for now')
      }
    }
  }
}
