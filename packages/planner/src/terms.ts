/** How urgent a layer is on a node, and for how long it stays. */
export interface Terms {
  readonly priority: number
  /** -Infinity: at once. */
  readonly notBeforeMs: number
  /** Infinity: none. */
  readonly deadlineMs: number
  /** Infinity: until the plan is given up. */
  readonly pinnedUntilMs: number
}

/** Less than zero when the first is the more urgent. */
export function compareTerms(a: Terms, b: Terms): number {
  return (
    order(b.priority, a.priority) ||
    order(a.deadlineMs, b.deadlineMs) ||
    order(a.notBeforeMs, b.notBeforeMs) ||
    order(b.pinnedUntilMs, a.pinnedUntilMs)
  )
}

/** Differences of infinities are not numbers. */
function order(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Each set of terms once, by number from 1 on. */
export class TermsTable {
  readonly #all: Terms[] = []
  readonly #numbers = new Map<string, number>()
  readonly #merged = new Map<number, Map<number, number>>()

  numberOf(terms: Terms): number {
    const key = `${terms.priority} ${terms.notBeforeMs} ${terms.deadlineMs} ${terms.pinnedUntilMs}`
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.#all.push(terms)
    this.#numbers.set(key, number)
    return number
  }

  get(number: number): Terms {
    const terms = this.#all[number - 1]
    if (terms === undefined) throw new RangeError(`there are no terms ${number}`)
    return terms
  }

  /** What satisfies both: the higher priority, the earlier times and the longer pin. 0 stands for no terms. */
  merge(a: number, b: number): number {
    if (a === 0 || a === b) return b
    const known = this.#merged.get(a)?.get(b)
    if (known !== undefined) return known
    const [one, other] = [this.get(a), this.get(b)]
    const number = this.numberOf({
      priority: Math.max(one.priority, other.priority),
      notBeforeMs: Math.min(one.notBeforeMs, other.notBeforeMs),
      deadlineMs: Math.min(one.deadlineMs, other.deadlineMs),
      pinnedUntilMs: Math.max(one.pinnedUntilMs, other.pinnedUntilMs),
    })
    const row = this.#merged.get(a) ?? new Map<number, number>()
    this.#merged.set(a, row.set(b, number))
    return number
  }
}
