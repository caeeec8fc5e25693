import type { LinkRates } from '../link-rates.ts'
import type { SwarmState } from './swarm-state.ts'

/** What cohorts can send and receive, and what those who have all of a part can send, in bytes per second. */
export class CohortLinks {
  /** How many nodes, and in which rack. */
  readonly nodes: Int32Array
  readonly rackOf: Int32Array
  /** Of one node, the slowest of the cohort. */
  readonly down: Float64Array
  /** Of all nodes of the cohort together; dead ones send nothing. */
  readonly up: Float64Array
  /** Of all living nodes of a rack together. */
  readonly rackUp: Float64Array
  readonly #state: SwarmState
  readonly #rates: LinkRates
  /** By part, then by rack. */
  readonly #holdersUp: Float64Array
  readonly #holders: Int32Array

  constructor(state: SwarmState, rates: LinkRates) {
    this.#state = state
    this.#rates = rates
    this.nodes = Int32Array.from(state.cohorts, ({ nodes }) => nodes.length)
    this.rackOf = Int32Array.from(state.cohorts, ({ rack }) => rack)
    this.down = new Float64Array(state.cohorts.length)
    this.up = new Float64Array(state.cohorts.length)
    this.rackUp = new Float64Array(rates.rackIn.length)
    this.#holdersUp = new Float64Array(state.parts * this.rackUp.length)
    this.#holders = new Int32Array(state.parts)
    this.measure()
  }

  /** To be called when links change, or nodes die or return. */
  measure(): void {
    for (const sums of [this.rackUp, this.#holdersUp, this.#holders]) sums.fill(0)
    for (const [cohort, { nodes, rack }] of this.#state.cohorts.entries()) {
      const isAlive = this.#state.isAlive(cohort)
      const up = isAlive ? nodes.reduce((sum, node) => sum + (this.#rates.nodeUp[node] ?? 0), 0) : 0
      this.up[cohort] = up
      this.rackUp[rack] = (this.rackUp[rack] ?? 0) + up
      this.down[cohort] = nodes.reduce((least, node) => Math.min(least, this.#rates.nodeDown[node] ?? 0), Infinity)
      if (!isAlive) continue
      for (let part = 0; part < this.#state.parts; part += 1) {
        const isComplete = this.#state.isComplete(cohort, part)
        this.#addHolders(cohort, part, isComplete ? 1 : this.#state.richShare(cohort, part))
      }
    }
  }

  /** To be called when a cohort has got all of a part. */
  complete(cohort: number, part: number): void {
    this.#addHolders(cohort, part, 1 - this.#state.richShare(cohort, part))
  }

  #addHolders(cohort: number, part: number, share: number): void {
    const up = share * (this.up[cohort] ?? 0)
    if (up <= 0) return
    const index = part * this.rackUp.length + (this.rackOf[cohort] ?? 0)
    this.#holdersUp[index] = (this.#holdersUp[index] ?? 0) + up
    this.#holders[part] = (this.#holders[part] ?? 0) + 1
  }

  /** Whether somebody has all of a part and can send it. */
  hasHolders(part: number): boolean {
    return (this.#holders[part] ?? 0) > 0
  }

  /** Of nodes in a rack that have all of a part. */
  holdersUp(part: number, rack: number): number {
    return this.#holdersUp[part * this.rackUp.length + rack] ?? 0
  }
}
