/**
 * Time that cohorts had left when they were done before the end of a step. They make up for it in the next one, or else plans of many
 * short stages would seem to take longer than they do.
 */
export class SpareTime {
  readonly #seconds: Float64Array
  #step = 0

  constructor(cohorts: number) {
    this.#seconds = new Float64Array(cohorts)
  }

  /** To be called with the length of each step. */
  begin(stepSeconds: number): void {
    this.#step = stepSeconds
  }

  /** How much faster a cohort may be than its link, so that it makes up in a step as long as the last: at most twice as fast. */
  factor(cohort: number): number {
    return this.#step === 0 ? 1 : 1 + Math.min(1, (this.#seconds[cohort] ?? 0) / this.#step)
  }

  /** Accounts for a step in which a node of the cohort got `bytes` at `rate` over a link of `down`. */
  account(
    cohort: number,
    { bytes, rate, down, isDone }: { bytes: number; rate: number; down: number; isDone: boolean },
  ): void {
    const spare = this.#seconds[cohort] ?? 0
    const used = bytes / Math.min(rate, down)
    const left = Math.max(0, this.#step + (rate > down ? spare : 0) - used)
    this.#seconds[cohort] = isDone || rate > down ? left : 0
  }
}
