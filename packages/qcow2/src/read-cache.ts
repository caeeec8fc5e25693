/** A bounded number of buffers by offset, the least recently used dropped first; each is read once for all who ask at the same time. */
export class ReadCache {
  readonly #capacity: number
  readonly #buffers = new Map<number, Promise<Buffer>>()

  constructor(capacity: number) {
    this.#capacity = Math.max(1, Math.floor(capacity))
  }

  get(offset: number, read: () => Promise<Buffer>): Promise<Buffer> {
    const buffer = this.#buffers.get(offset) ?? this.#load(offset, read)
    // A Map keeps insertion order: what is used moves to its end.
    this.#buffers.delete(offset)
    this.#buffers.set(offset, buffer)
    const [oldest] = this.#buffers.keys()
    if (this.#buffers.size > this.#capacity && oldest !== undefined) this.#buffers.delete(oldest)
    return buffer
  }

  #load(offset: number, read: () => Promise<Buffer>): Promise<Buffer> {
    const buffer = read()
    // What failed is tried again by the next who asks.
    buffer.catch(() => {
      if (this.#buffers.get(offset) === buffer) this.#buffers.delete(offset)
    })
    return buffer
  }
}
