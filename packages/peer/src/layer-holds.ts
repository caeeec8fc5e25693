import type { Digest } from '@shoal/core'

/**
 * Layers whose files somebody reads: while a layer is held it stays in the store. Holds are counted and in memory.
 * Between a look at them and what follows from it nothing is awaited, so that a hold and a removal never both succeed.
 */
export class LayerHolds {
  readonly #counts = new Map<Digest, number>()
  readonly #leaving = new Set<Digest>()
  #onFreed = () => {}

  /** Sets who is told when the last hold on a layer ends. */
  onFreed(listener: () => void): void {
    this.#onFreed = listener
  }

  isHeld(digest: Digest): boolean {
    return this.#counts.has(digest)
  }

  /** Holds layers until the function that is given is called; `undefined` when one of them is just being removed. */
  hold(digests: readonly Digest[]): (() => void) | undefined {
    if (digests.some((digest) => this.#leaving.has(digest))) return undefined
    for (const digest of digests) this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1)
    let isHolding = true
    return () => {
      if (!isHolding) return
      isHolding = false
      for (const digest of digests) this.#release(digest)
    }
  }

  /**
   * Removes a layer that nobody holds, and lets nobody hold it meanwhile; false, without removing it, when it is held.
   */
  async remove(digest: Digest, remove: () => Promise<void>): Promise<boolean> {
    if (this.isHeld(digest)) return false
    this.#leaving.add(digest)
    try {
      await remove()
      return true
    } finally {
      this.#leaving.delete(digest)
    }
  }

  #release(digest: Digest): void {
    const count = (this.#counts.get(digest) ?? 0) - 1
    if (count > 0) {
      this.#counts.set(digest, count)
      return
    }
    this.#counts.delete(digest)
    this.#onFreed()
  }
}
