import type { Clock } from '@shoal/core'

/** A boot is recorded for three minutes at most; then it is sent. */
const VALID_MS = 10 * 60_000
const MAX_INVITED = 10_000

/**
 * Which nodes were asked to record a boot of which image and have not answered. When a thousand VMs of one image
 * start at once, the seed wants a few recordings and not a thousand. In memory: what a restart forgets are a few
 * recordings too many.
 */
export class Invitations {
  readonly #clock: Clock
  /** Expiry by image and node. */
  readonly #invited = new Map<string, Map<string, number>>()
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Whether a node may record an image of which so many recordings are wanted. Asking again does not change the answer.
   */
  invite(image: string, node: string, wanted: number): boolean {
    this.#prune(image)
    const nodes = this.#invited.get(image) ?? new Map<string, number>()
    if (nodes.has(node)) return wanted > 0
    // Twice as many as wanted: some nodes never answer.
    if (nodes.size >= wanted * 2 || this.#count >= MAX_INVITED) return false
    this.#invited.set(image, nodes.set(node, this.#clock.elapsed() + VALID_MS))
    this.#count += 1
    return true
  }

  /** A node has sent its recording. */
  end(image: string, node: string): void {
    const nodes = this.#invited.get(image)
    if (nodes?.delete(node)) this.#count -= 1
    if (nodes?.size === 0) this.#invited.delete(image)
  }

  #prune(image: string): void {
    const now = this.#clock.elapsed()
    const images = this.#count >= MAX_INVITED ? [...this.#invited.keys()] : [image]
    for (const one of images) {
      for (const [node, expires] of this.#invited.get(one) ?? []) if (expires <= now) this.end(one, node)
    }
  }
}
