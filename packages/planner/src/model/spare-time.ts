/** What a node of a cohort is granted, and what its link carries, in bytes per second. */
interface Flow {
  readonly rate: number
  readonly down: number
}

/**
 * Time that cohorts had left because they were done before the end of a step. They make up for it in the next one, or
 * else plans of many short stages would seem to take longer than they do; but by no moment has a node got more than its
 * link carries by then. Times are seconds since the model began.
 */
export class SpareTime {
  /** By cohort: since when its link is free. Infinity: it is not. */
  readonly #freeSince: Float64Array
  /** When the present step began, and how long the one before it was. */
  #now = 0
  #lastSeconds = 0
  /** What could not begin before this moment has nothing to make up for. */
  #since = 0

  constructor(cohorts: number) {
    this.#freeSince = new Float64Array(cohorts).fill(Number.POSITIVE_INFINITY)
  }

  /** To be called when a step has gone by. */
  advance(now: number): void {
    this.#lastSeconds = now - this.#now
    this.#now = now
  }

  /** To be called when something changed by itself, for what begins now may not have been possible before. */
  forget(): void {
    this.#since = this.#now
  }

  /**
   * How much faster a cohort may be than its link, so that it makes up in a step as long as the last: at most twice as
   * fast.
   */
  factor(cohort: number): number {
    const spare = this.#spare(cohort)
    return spare === 0 ? 1 : 1 + Math.min(1, spare / this.#lastSeconds)
  }

  /** The most that a node of a cohort gets in this step. */
  mostBytes(cohort: number, { rate, down }: Flow, seconds: number): number {
    return rate <= down ? rate * seconds : Math.min(rate * seconds, down * (seconds + this.#spare(cohort)))
  }

  /** When a node of a cohort has `bytes` of this step. */
  finishAt(cohort: number, { rate, down }: Flow, bytes: number): number {
    const granted = this.#now + bytes / rate
    return rate <= down ? granted : Math.max(granted, this.#now - this.#spare(cohort) + bytes / down)
  }

  /** To be called for each cohort in every step; when none is given it had no time left, or nothing to fetch. */
  setFree(cohort: number, since = Number.POSITIVE_INFINITY): void {
    this.#freeSince[cohort] = since
  }

  #spare(cohort: number): number {
    return Math.max(0, this.#now - Math.max(this.#since, this.#freeSince[cohort] ?? 0))
  }
}
