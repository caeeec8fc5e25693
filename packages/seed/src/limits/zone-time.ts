const DAY_MS = 86_400_000
const PARTS = ['year', 'month', 'day', 'hour', 'minute', 'second'] as const

/**
 * What the clocks of a time zone show. A local time is written as milliseconds, as if it were one of UTC, so that it can
 * be calculated with.
 */
export class ZoneTime {
  readonly #format: Intl.DateTimeFormat

  /** Throws a RangeError when there is no such zone. */
  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
      ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
    })
  }

  /** What they show at an instant, to the second. */
  localAt(instantMs: number): number {
    const parts = new Map(this.#format.formatToParts(instantMs).map(({ type, value }) => [type as string, value]))
    const [year = 0, month = 1, day, hour, minute, second] = PARTS.map((type) => Number(parts.get(type)))
    return Date.UTC(year, month - 1, day, hour, minute, second)
  }

  /**
   * The first instant at which they show a local time or a later one: of a time that comes twice, as when clocks are set
   * back, the first; of one that is left out, as when they are set forward, the moment when they are set.
   */
  firstInstant(localMs: number): number {
    const [early, late] = [this.#offset(localMs - DAY_MS), this.#offset(localMs + DAY_MS)]
    // Set back, or not set at all, or not yet: the offset before holds if it leads there.
    const first = localMs - early
    if (early === late || this.#offset(first) === early) return first
    const second = localMs - late
    if (this.#offset(second) === late) return second
    return this.#change(second, first, early)
  }

  #offset(instantMs: number): number {
    const whole = Math.floor(instantMs / 1000) * 1000
    return this.localAt(whole) - whole
  }

  /** When the offset is not `before` any more, between an instant when it is and one when it is not. */
  #change(from: number, to: number, before: number): number {
    let [is, isNot] = [from, to]
    while (isNot - is > 1000) {
      const middle = Math.floor((is + isNot) / 2000) * 1000
      if (middle <= is) break
      if (this.#offset(middle) === before) is = middle
      else isNot = middle
    }
    return isNot
  }
}
