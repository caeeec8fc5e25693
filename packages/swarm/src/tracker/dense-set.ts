/** A set from which a random member comes in constant time. */
export class DenseSet<T> {
  readonly #items: T[] = []
  readonly #places = new Map<T, number>()

  get size(): number {
    return this.#items.length
  }

  add(item: T): void {
    if (this.#places.has(item)) return
    this.#places.set(item, this.#items.length)
    this.#items.push(item)
  }

  /** The last member takes the place of the one that leaves. */
  delete(item: T): boolean {
    const place = this.#places.get(item)
    if (place === undefined) return false
    this.#places.delete(item)
    const last = this.#items.pop()
    if (last !== undefined && last !== item) {
      this.#items[place] = last
      this.#places.set(last, place)
    }
    return true
  }

  /** A member by `random`, which gives numbers from 0 up to 1. */
  pick(random: () => number): T | undefined {
    return this.#items[Math.floor(random() * this.#items.length)]
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#items[Symbol.iterator]()
  }
}
