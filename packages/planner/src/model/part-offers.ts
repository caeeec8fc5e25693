import type { CohortLinks } from './cohort-links.ts'
import type { SwarmState } from './swarm-state.ts'

/** Whose lead is less than this has nothing to pass on. */
const ONE_BYTE = 1

/** How much of each part nodes can get from others. */
export class PartOffers {
  readonly #state: SwarmState
  readonly #links: CohortLinks
  readonly #seedHas: (part: number) => boolean
  readonly #bytes: Float64Array
  /** By part: the most that any living cohort has of it. NaN: to be looked up. */
  readonly #mostGot: Float64Array

  constructor(state: SwarmState, links: CohortLinks, seedHas: (part: number) => boolean) {
    this.#state = state
    this.#links = links
    this.#seedHas = seedHas
    this.#bytes = new Float64Array(state.parts)
    this.#mostGot = new Float64Array(state.parts).fill(Number.NaN)
  }

  /** To be called when nodes got some of a part; without one, when nodes died or returned. */
  forget(part?: number): void {
    if (part === undefined) this.#mostGot.fill(Number.NaN)
    else this.#mostGot[part] = Number.NaN
  }

  /** By part, as it is now: infinite if the seed or a node has all of it, else what the node has that has the most. */
  now(): Float64Array {
    for (const part of this.#bytes.keys()) this.#bytes[part] = this.#of(part)
    return this.#bytes
  }

  #of(part: number): number {
    if (this.#seedHas(part) || this.#links.hasHolders(part)) return Number.POSITIVE_INFINITY
    if (Number.isNaN(this.#mostGot[part])) this.#mostGot[part] = this.#state.mostGot(part)
    return (this.#mostGot[part] ?? 0) - ONE_BYTE
  }
}
