import type { FlowTimes } from './flow-times.ts'

/** Of a node that fetches one part after the other: with fewer, who is done early waits too long for the next step. */
const STEPS_A_STAGE = 8
const STEPS_A_STAGE_AT_LEAST = 3
/** Where there are few stages. */
const STEPS_AT_LEAST = 500
/**
 * Steps times cohorts: with more, steps are longer, for ten thousand nodes that are all different take as long as a
 * thousand.
 */
const COHORT_STEPS = 2.5e6
/**
 * Rates are never held for longer than this part of the least possible time, so that who catches up with others is soon
 * slowed down.
 */
const STEPS_AT_MOST = 40
/**
 * How much longer than the average stage one may be for the steps to be as much longer: who gets next to nothing sets
 * no pace.
 */
const LONG_STAGE = 2
/**
 * After so many times the expected steps they become twice as long: what goes wrong may take a thousand times the
 * bound.
 */
const PATIENCE = 4
/** Where the bound says nothing, since it is nothing or for ever. */
const NO_ESTIMATE_SECONDS = 3600

/**
 * How far the model goes at once: until somebody is done, but with thousands of different nodes not so little that it
 * takes for ever: then no less than a part of what their stages take now.
 */
export class StepLength {
  readonly #expectedSteps: number
  readonly #stepsAStage: number
  readonly #longest: number
  #average: number
  #shortest: number
  #steps = 0

  constructor(boundSeconds: number, { stages, cohorts }: { stages: number; cohorts: number }) {
    const estimate = boundSeconds > 0 && Number.isFinite(boundSeconds) ? boundSeconds : NO_ESTIMATE_SECONDS
    const most = Math.min(STEPS_A_STAGE * stages, COHORT_STEPS / Math.max(1, cohorts))
    this.#expectedSteps = Math.ceil(Math.max(STEPS_AT_LEAST, STEPS_A_STAGE_AT_LEAST * stages, most))
    this.#stepsAStage = this.#expectedSteps / Math.max(1, stages)
    this.#longest = estimate / STEPS_AT_MOST
    this.#average = estimate / this.#expectedSteps
    this.#shortest = this.#average
  }

  /** The least that a step may be now. */
  get shortest(): number {
    return this.#shortest
  }

  /** Infinite when nothing moves. */
  next({ toFirstDone, aStage }: FlowTimes): number {
    if (toFirstDone === Number.POSITIVE_INFINITY) return toFirstDone
    this.#steps += 1
    if (this.#steps % (PATIENCE * this.#expectedSteps) === 0) this.#average *= 2
    this.#shortest = Math.min(aStage / this.#stepsAStage, LONG_STAGE * this.#average)
    return Math.max(this.#shortest, Math.min(toFirstDone, Math.max(this.#longest, this.#shortest)))
  }
}
