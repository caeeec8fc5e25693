import type { LinkRates } from '../link-rates.ts'
import type { CohortLinks } from './cohort-links.ts'

/** What each link has left while it is shared out, in bytes per second. */
export class LinkRoom {
  seedUp = 0
  plan = 0
  readonly rackIn: Float64Array
  readonly rackOut: Float64Array
  /** Of all nodes of a rack together. */
  readonly up: Float64Array
  /** Of nodes of a rack that have all of the part that is looked at. */
  readonly holdersUp: Float64Array

  constructor(racks: number) {
    this.rackIn = new Float64Array(racks)
    this.rackOut = new Float64Array(racks)
    this.up = new Float64Array(racks)
    this.holdersUp = new Float64Array(racks)
  }

  /** Gives every link back all that it carries. */
  refill(rates: LinkRates, rackUp: Float64Array): void {
    this.seedUp = rates.seedUp
    this.plan = rates.plan
    this.rackIn.set(rates.rackIn)
    this.rackOut.set(rates.rackOut)
    this.up.set(rackUp)
  }

  /** Finds out what those who have all of a part can still send, by rack, and returns the sum. */
  lookUpHolders(links: CohortLinks, part: number): number {
    this.holdersUp.fill(0)
    if (!links.hasHolders(part)) return 0
    for (let rack = 0; rack < this.up.length; rack += 1) {
      this.holdersUp[rack] = Math.min(this.up[rack] ?? 0, links.holdersUp(part, rack))
    }
    return this.sumOfHolders()
  }

  sumOfHolders(): number {
    let sum = 0
    for (const up of this.holdersUp) sum += up
    return sum
  }
}
