import { seededRandom } from '@shoal/core'

/** Random numbers that a seed repeats. */
export class Prng {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    // Seeds that follow each other would begin alike.
    for (let round = 0; round < 3; round += 1) this.bits()
  }

  /** 32 bits, as an unsigned number. */
  bits(): number {
    return this.#random() * 2 ** 32
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  pick<T>(from: readonly [T, ...T[]]): T {
    return from[this.below(from.length)] ?? from[0]
  }

  /** True once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0
  }
}
