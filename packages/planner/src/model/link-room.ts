import type { LinkRates } from '../link-rates.ts'

/** What each link has left while it is shared out, in bytes per second. */
export class LinkRoom {
  seedUp = 0
  plan = 0
  readonly rackIn: Float64Array
  readonly rackOut: Float64Array
  /** Of all nodes of a rack together. */
  readonly up: Float64Array

  constructor(racks: number) {
    this.rackIn = new Float64Array(racks)
    this.rackOut = new Float64Array(racks)
    this.up = new Float64Array(racks)
  }

  /** Gives every link back all that it carries. */
  refill(rates: LinkRates, rackUp: Float64Array): void {
    this.seedUp = rates.seedUp
    this.plan = rates.plan
    this.rackIn.set(rates.rackIn)
    this.rackOut.set(rates.rackOut)
    this.up.set(rackUp)
  }
}
