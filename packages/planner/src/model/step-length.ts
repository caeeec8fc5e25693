/** A step is at least this part of the least possible time, and of what one stage takes of it. */
const STEPS_AT_LEAST = 500
const STEPS_A_STAGE = 20
/** Steps times cohorts: with more, steps are longer, for ten thousand nodes that are all different take as long as a thousand. */
const COHORT_STEPS = 4e6
/** A step is at most this part of the least possible time, so that those who catch up with others are soon slowed down. */
const STEPS_AT_MOST = 40
/** After so many times the expected steps they become twice as long: what goes wrong may take a thousand times the bound. */
const PATIENCE = 4
/** Where the bound says nothing, since it is nothing or for ever. */
const NO_ESTIMATE_SECONDS = 3600

/** How far the model goes at once: until somebody is done, but neither too far nor, with thousands of different nodes, too little. */
export class StepLength {
  /** At the beginning. */
  readonly shortest: number
  readonly #expectedSteps: number
  readonly #longest: number
  #least: number
  #steps = 0

  constructor(boundSeconds: number, { stages, cohorts }: { stages: number; cohorts: number }) {
    const estimate = boundSeconds > 0 && Number.isFinite(boundSeconds) ? boundSeconds : NO_ESTIMATE_SECONDS
    const affordable = COHORT_STEPS / Math.max(1, cohorts)
    this.#expectedSteps = Math.ceil(Math.max(STEPS_AT_LEAST, Math.min(STEPS_A_STAGE * stages, affordable)))
    this.shortest = estimate / this.#expectedSteps
    this.#least = this.shortest
    this.#longest = estimate / STEPS_AT_MOST
  }

  /** Infinite when nothing moves. */
  next(secondsToDone: number): number {
    if (secondsToDone === Number.POSITIVE_INFINITY) return secondsToDone
    this.#steps += 1
    if (this.#steps % (PATIENCE * this.#expectedSteps) === 0) this.#least *= 2
    return Math.max(this.#least, Math.min(secondsToDone, Math.max(this.#longest, this.#least)))
  }
}
