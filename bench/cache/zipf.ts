/** Draws things of which the one in place n is drawn as often as 1 / n^s. */
export class Zipf {
  readonly #sums: Float64Array
  readonly #order: number[]
  readonly #random: () => number

  constructor(count: number, exponent: number, random: () => number) {
    this.#random = random
    this.#order = Array.from({ length: count }, (_, index) => index)
    this.#sums = new Float64Array(count)
    let sum = 0
    for (let index = 0; index < count; index += 1) {
      sum += 1 / (index + 1) ** exponent
      this.#sums[index] = sum
    }
  }

  draw(): number {
    const wanted = this.#random() * (this.#sums.at(-1) ?? 0)
    let [low, high] = [0, this.#sums.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#sums[middle] ?? 0) < wanted) low = middle + 1
      else high = middle
    }
    return this.#order[low] ?? 0
  }

  /** Moves what is in one place to another, and all between by one. */
  promote(from: number, to: number): void {
    this.#order.splice(to, 0, ...this.#order.splice(from, 1))
  }

  /** Fisher and Yates. */
  shuffle(): void {
    for (let index = this.#order.length - 1; index > 0; index -= 1) {
      const other = Math.floor(this.#random() * (index + 1))
      const [one = 0, two = 0] = [this.#order[index], this.#order[other]]
      this.#order[index] = two
      this.#order[other] = one
    }
  }
}
