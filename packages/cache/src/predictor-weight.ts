/** How fast trust moves, and how little of it is always left for the one that was wrong. */
const RATE = 0.02
const LEAST = 0.02

/**
 * Trust in one of two predictors, from 0 to 1: each use shows how likely either held it (mixing of experts by their
 * likelihood; Herbster and Warmuth, "Tracking the Best Expert", 1998, whose fixed share is `LEAST`).
 */
export class PredictorWeight {
  #weight: number

  constructor(weight = 0.5) {
    this.#weight = weight
  }

  get value(): number {
    return this.#weight
  }

  /** What happened was held this likely by the one that is weighed, and by the other. */
  see(likelihood: number, ofOther: number): void {
    const mine = this.#weight * likelihood
    const others = (1 - this.#weight) * ofOther
    const target = mine / (mine + others)
    this.#weight += RATE * (Math.min(1 - LEAST, Math.max(LEAST, target)) - this.#weight)
  }
}
