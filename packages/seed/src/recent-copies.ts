import type { Digest } from '@shoal/core'

export interface RecentCopiesDeps {
  /** Layers, and how much the origin has sent of each so far. Bytes. */
  readonly layers: () => readonly { readonly digest: Digest; readonly sizeBytes: number; readonly sent: number }[]
}

export const COPIES_INTERVAL_MS = 30_000
/** Ten minutes. */
const KEPT = 20

/** How often the origin sent the same thing lately: what it sent over months says nothing about a swarm now. */
export class RecentCopies {
  readonly #deps: RecentCopiesDeps
  /** What had been sent at each sample, the oldest first. */
  readonly #samples: ReadonlyMap<Digest, number>[] = []

  constructor(deps: RecentCopiesDeps) {
    this.#deps = deps
  }

  /** To be called every `COPIES_INTERVAL_MS`. */
  sample(): void {
    this.#samples.push(new Map(this.#deps.layers().map(({ digest, sent }) => [digest, sent])))
    if (this.#samples.length > KEPT) this.#samples.shift()
  }

  /** Copies that were sent in the last ten minutes of the layer that was sent most often. */
  highest(): number {
    const [oldest] = this.#samples
    // Before the first sample nothing is known of what was sent before the start.
    if (oldest === undefined) return 0
    let highest = 0
    for (const { digest, sizeBytes, sent } of this.#deps.layers()) {
      // A layer that came since then had not been sent at all.
      const copies = (sent - (oldest.get(digest) ?? 0)) / Math.max(1, sizeBytes)
      highest = Math.max(highest, copies)
    }
    return highest
  }
}
