import type { Digest } from '@shoal/core'

/**
 * Layers whose files somebody reads: while a layer is held it stays in the store. Holds are counted and in memory.
 * Between a look at them and what follows from it nothing is awaited, so that a hold and a removal never both succeed.
 */
export class LayerHolds {
  /** By layer: who holds it, and how often. */
  readonly #owners = new Map<Digest, Map<string, number>>()
  readonly #leaving = new Set<Digest>()
  #onFreed = () => {}

  /** Sets who is told when the last hold on a layer ends, or a removal. */
  onFreed(listener: () => void): void {
    this.#onFreed = listener
  }

  isHeld(digest: Digest): boolean {
    return this.#owners.has(digest)
  }

  /** Whether it is just being removed. */
  isLeaving(digest: Digest): boolean {
    return this.#leaving.has(digest)
  }

  /** Who holds a layer. */
  owners(digest: Digest): string[] {
    return [...(this.#owners.get(digest)?.keys() ?? [])]
  }

  /** Holds layers for somebody, until the function that is given is called; `undefined` when one of them is just being removed. */
  hold(digests: readonly Digest[], owner: string): (() => void) | undefined {
    if (digests.some((digest) => this.#leaving.has(digest))) return undefined
    for (const digest of digests) {
      const owners = this.#owners.get(digest) ?? new Map<string, number>()
      this.#owners.set(digest, owners.set(owner, (owners.get(owner) ?? 0) + 1))
    }
    let isHolding = true
    return () => {
      if (!isHolding) return
      isHolding = false
      for (const digest of digests) this.#release(digest, owner)
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
      this.#onFreed()
    }
  }

  #release(digest: Digest, owner: string): void {
    const owners = this.#owners.get(digest)
    const count = (owners?.get(owner) ?? 0) - 1
    if (count > 0) owners?.set(owner, count)
    else owners?.delete(owner)
    if (owners === undefined || owners.size > 0) return
    this.#owners.delete(digest)
    this.#onFreed()
  }
}
