/** A bounded number of tables by host offset, the least recently used dropped first; each is read once for all who ask at the same time. */
export class TableCache {
  readonly #read: (offset: number) => Promise<Buffer>
  readonly #capacity: number
  readonly #tables = new Map<number, Promise<Buffer>>()

  constructor(capacity: number, read: (offset: number) => Promise<Buffer>) {
    this.#capacity = Math.max(1, capacity)
    this.#read = read
  }

  get(offset: number): Promise<Buffer> {
    const known = this.#tables.get(offset)
    const table = known ?? this.#load(offset)
    // A Map keeps insertion order: what is used moves to its end.
    this.#tables.delete(offset)
    this.#tables.set(offset, table)
    const [oldest] = this.#tables.keys()
    if (this.#tables.size > this.#capacity && oldest !== undefined) this.#tables.delete(oldest)
    return table
  }

  #load(offset: number): Promise<Buffer> {
    const table = this.#read(offset)
    // What failed is tried again by the next who asks.
    table.catch(() => {
      if (this.#tables.get(offset) === table) this.#tables.delete(offset)
    })
    return table
  }
}
