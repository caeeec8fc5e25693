import { type Candidate, compareWorth } from './eviction-order.ts'

/** The room for remnants: those that are there already, and those that a plan would leave. */
export class RemnantShare {
  readonly #maxBytes: number
  #takenBytes: number
  /** Those that may go, the least valuable first. */
  readonly #offered: Candidate[] = []

  /** `takenBytes`: of all remnants that are there, whether they may go or not. */
  constructor(maxBytes: number, takenBytes: number) {
    this.#maxBytes = maxBytes
    this.#takenBytes = takenBytes
  }

  get isOver(): boolean {
    return this.#takenBytes > this.#maxBytes
  }

  /** One that is there may go. */
  offer(candidate: Candidate): void {
    let [low, high] = [0, this.#offered.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#offered[middle]
      if (other !== undefined && compareWorth(other, candidate) <= 0) low = middle + 1
      else high = middle
    }
    this.#offered.splice(low, 0, candidate)
  }

  /** One that was not offered is gone. */
  free(bytes: number): void {
    this.#takenBytes -= bytes
  }

  /** Takes out the least valuable one of those that may go. */
  takeLeast(): Candidate | undefined {
    const least = this.#offered.shift()
    if (least !== undefined) this.#takenBytes -= remnantBytes(least)
    return least
  }

  /**
   * Lets a whole layer leave its remnant, and takes out the less valuable ones that have to make room for it;
   * `undefined` when they could not.
   */
  admit(candidate: Candidate): Candidate[] | undefined {
    let overBytes = this.#takenBytes + remnantBytes(candidate) - this.#maxBytes
    let count = 0
    for (const other of this.#offered) {
      if (overBytes <= 0 || compareWorth(other, candidate) >= 0) break
      overBytes -= remnantBytes(other)
      count += 1
    }
    if (overBytes > 0) return undefined
    const less = this.#offered.splice(0, count)
    for (const other of less) this.#takenBytes -= remnantBytes(other)
    this.#takenBytes += remnantBytes(candidate)
    this.offer(candidate)
    return less
  }
}

/** Bytes of the remnant that a layer is, or would be. */
function remnantBytes({ layer: { isRemnant, sizeBytes, bootBytes } }: Candidate): number {
  return isRemnant ? sizeBytes : bootBytes
}
