/**
 * Which nodes hold the stream open on which they are told of changes. When a daemon or its machine dies, the stream breaks long before
 * heartbeats are missed.
 */
export class PushChannels {
  readonly #open = new Map<string, number>()
  readonly #brokenSince = new Map<string, number>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Passes a node's stream on, and takes note of its beginning and its end. */
  async *follow<T>(node: string, stream: AsyncIterable<T>): AsyncGenerator<T> {
    this.#open.set(node, (this.#open.get(node) ?? 0) + 1)
    this.#brokenSince.delete(node)
    try {
      yield* stream
    } finally {
      const left = (this.#open.get(node) ?? 1) - 1
      if (left > 0) this.#open.set(node, left)
      else {
        this.#open.delete(node)
        this.#brokenSince.set(node, this.#now())
      }
    }
  }

  /** Unix time in milliseconds. Undefined: it is open, or never was since the seed started. */
  brokenSince(node: string): number | undefined {
    return this.#brokenSince.get(node)
  }

  forget(node: string): void {
    this.#brokenSince.delete(node)
  }
}
