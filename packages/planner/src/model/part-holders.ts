import type { SwarmState } from './swarm-state.ts'

/** A cohort of whose nodes at least some have all of a part. */
export interface PartHolder {
  readonly cohort: number
  readonly share: number
}

/** Who living has all of a part, and how far those are who do not. */
export interface PartHolders {
  readonly holders: readonly PartHolder[]
  /** The most that any other has. */
  readonly mostGot: number
}

/** Finds holders of parts, once until something changes. */
export class HolderIndex {
  readonly #state: SwarmState
  readonly #known = new Map<number, PartHolders>()

  constructor(state: SwarmState) {
    this.#state = state
  }

  /** To be called when somebody got something or a cohort died or came back. */
  forget(part?: number): void {
    if (part === undefined) this.#known.clear()
    else this.#known.delete(part)
  }

  of(part: number): PartHolders {
    const known = this.#known.get(part)
    if (known !== undefined) return known
    const holders: PartHolder[] = []
    let mostGot = 0
    for (const cohort of this.#state.cohorts.keys()) {
      if (!this.#state.isAlive(cohort)) continue
      const share = this.#state.completeShare(cohort, part)
      if (share > 0) holders.push({ cohort, share })
      if (share < 1) mostGot = Math.max(mostGot, this.#state.got(cohort, part))
    }
    const found = { holders, mostGot }
    this.#known.set(part, found)
    return found
  }
}
