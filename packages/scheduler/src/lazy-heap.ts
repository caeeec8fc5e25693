/**
 * The numbers 0 to n - 1, the one with the least key first, where keys only grow: a key that has grown is noticed when
 * its number comes to the top.
 */
export class LazyHeap {
  readonly #keyOf: (item: number) => number
  readonly #items: Int32Array
  readonly #keys: Float64Array
  #size: number

  /** Items whose key is infinite are left out, and go when it becomes so. */
  constructor(count: number, keyOf: (item: number) => number) {
    this.#keyOf = keyOf
    this.#items = new Int32Array(count)
    this.#keys = new Float64Array(count)
    this.#size = 0
    for (let item = 0; item < count; item += 1) {
      const key = keyOf(item)
      if (key === Number.POSITIVE_INFINITY) continue
      this.#items[this.#size] = item
      this.#keys[this.#size] = key
      this.#size += 1
    }
    for (let at = (this.#size >> 1) - 1; at >= 0; at -= 1) this.#sink(at)
  }

  /** The item with the least key; -1 when none is left. */
  top(): number {
    while (this.#size > 0) {
      const item = this.#items[0] ?? 0
      const key = this.#keyOf(item)
      if (key === this.#keys[0]) return item
      if (key === Number.POSITIVE_INFINITY) {
        this.#size -= 1
        this.#items[0] = this.#items[this.#size] ?? 0
        this.#keys[0] = this.#keys[this.#size] ?? 0
      } else this.#keys[0] = key
      this.#sink(0)
    }
    return -1
  }

  #sink(from: number): void {
    const [items, keys] = [this.#items, this.#keys]
    const [item = 0, key = 0] = [items[from], keys[from]]
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= this.#size) break
      if (child + 1 < this.#size && (keys[child + 1] ?? 0) < (keys[child] ?? 0)) child += 1
      if ((keys[child] ?? 0) >= key) break
      items[at] = items[child] ?? 0
      keys[at] = keys[child] ?? 0
      at = child
    }
    items[at] = item
    keys[at] = key
  }
}
