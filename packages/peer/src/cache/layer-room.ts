import type { LayerCache, Reservation } from '@shoal/cache'
import type { Digest, Manifest } from '@shoal/core'

/** Files beside the disk of a layer, and what file systems round up to: a bound. */
const OVERHEAD_BYTES = 64 * 1024
/** Of manifest, hashes and torrent together, to a block. */
const BYTES_A_BLOCK = 96

interface Promised {
  readonly reservation: Reservation
  readonly parent: Digest | null
}

/** The room that was promised to layers which are on their way. */
export class LayerRoom {
  readonly #cache: Pick<LayerCache, 'reserve'>
  readonly #promised = new Map<Digest, Promised>()
  /** What is below those that wait for room: it must not go for them. */
  readonly #needed = new Map<Digest, number>()

  constructor(cache: Pick<LayerCache, 'reserve'>) {
    this.#cache = cache
  }

  /** Promises room for all of a layer; again changes nothing. Throws `SHOAL_CACHE_FULL` and `SHOAL_CACHE_TOO_LARGE`. */
  async reserve({ digest, parent, sizeBytes, blockHashes }: Manifest): Promise<void> {
    if (this.#promised.has(digest)) return
    const bytes = sizeBytes + OVERHEAD_BYTES + (blockHashes.length / 32) * BYTES_A_BLOCK
    this.#need(parent, 1)
    try {
      const reservation = await this.#cache.reserve(digest, Math.ceil(bytes))
      this.#need(parent, 1)
      this.#promised.set(digest, { reservation, parent })
    } finally {
      this.#need(parent, -1)
    }
  }

  /** It is there, or does not come. */
  end(digest: Digest): void {
    const promised = this.#promised.get(digest)
    if (promised === undefined) return
    this.#promised.delete(digest)
    promised.reservation.end()
    this.#need(promised.parent, -1)
  }

  /** Whether something on its way needs the layer below it. */
  isNeeded(digest: Digest): boolean {
    return this.#needed.has(digest)
  }

  #need(digest: Digest | null, change: number): void {
    if (digest === null) return
    const count = (this.#needed.get(digest) ?? 0) + change
    if (count > 0) this.#needed.set(digest, count)
    else this.#needed.delete(digest)
  }
}
