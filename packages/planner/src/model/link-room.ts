import type { LinkRates } from '../link-rates.ts'
import type { Cohort } from './cohort.ts'

/** What each link has left while it is shared out, in bytes per second. */
export class LinkRoom {
  seedUp = 0
  plan = 0
  readonly rackIn: Float64Array
  readonly rackOut: Float64Array
  /** Of all nodes of a cohort together. */
  readonly up: Float64Array

  constructor(rates: LinkRates, cohorts: readonly Cohort[]) {
    this.rackIn = new Float64Array(rates.rackIn.length)
    this.rackOut = new Float64Array(rates.rackOut.length)
    this.up = new Float64Array(cohorts.length)
  }

  /** Gives every link back all that it carries. Dead cohorts send nothing. */
  refill(rates: LinkRates, cohorts: readonly Cohort[], isAlive: (cohort: number) => boolean): void {
    this.seedUp = rates.seedUp
    this.plan = rates.plan
    this.rackIn.set(rates.rackIn)
    this.rackOut.set(rates.rackOut)
    for (const [index, { nodes }] of cohorts.entries()) {
      this.up[index] = isAlive(index) ? nodes.length * (rates.nodeUp[nodes[0] ?? 0] ?? 0) : 0
    }
  }
}
