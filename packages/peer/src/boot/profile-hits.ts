/** Blocks that a boot read first, and whether the profile of its image had named them. */
export interface ProfileCount {
  readonly foretold: number
  readonly others: number
}

/** Fewer blocks say little of a profile: 4 MiB and more of the layers. */
const MIN_BLOCKS = 32
const MAX_IMAGES = 1000

/**
 * How much of what boots read the profiles of their images had named, for telling the seed: what the last boot of each
 * image found, until it is told. Not kept on disk: the seed has profiles looked after also without that.
 */
export class ProfileHits {
  readonly #images = new Map<string, number>()

  /** A boot of an image is over. */
  add(image: string, { foretold, others }: ProfileCount): void {
    const blocks = foretold + others
    if (blocks < MIN_BLOCKS) return
    this.#images.delete(image)
    this.#images.set(image, foretold / blocks)
    if (this.#images.size <= MAX_IMAGES) return
    const [oldest] = this.#images.keys()
    if (oldest !== undefined) this.#images.delete(oldest)
  }

  /** The part that was named, 0 to 1, once; `undefined`: there is nothing new. */
  take(image: string): number | undefined {
    const part = this.#images.get(image)
    this.#images.delete(image)
    return part
  }
}
