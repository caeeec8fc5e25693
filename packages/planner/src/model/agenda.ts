/** Something that happens to the links or to a node. Times are seconds since the model began. */
export interface ModelChange {
  readonly at: number
  /** Returns a later moment at which something may begin because of it, if there is one. */
  readonly apply: (now: number) => number | undefined
}

/** The moments at which something happens by itself. */
export class Agenda {
  readonly #changes: ModelChange[]
  /** In order, each once. */
  #moments: number[]

  constructor(moments: Iterable<number>, changes: readonly ModelChange[]) {
    this.#changes = changes.toSorted((a, b) => a.at - b.at)
    const all = [...moments, ...changes.map(({ at }) => at)]
    this.#moments = [...new Set(all.filter((at) => at > 0 && Number.isFinite(at)))].sort((a, b) => a - b)
  }

  /** Infinite when nothing more will happen. */
  secondsToNext(now: number): number {
    while ((this.#moments[0] ?? Number.POSITIVE_INFINITY) <= now) this.#moments.shift()
    return (this.#moments[0] ?? Number.POSITIVE_INFINITY) - now
  }

  /** Lets everything happen that is due. Returns whether anything did. */
  applyDue(now: number): boolean {
    let isChanged = false
    for (let [change] = this.#changes; change !== undefined && change.at <= now; [change] = this.#changes) {
      this.#changes.shift()
      const moment = change.apply(now)
      if (moment !== undefined) this.#moments = [...this.#moments, moment].sort((a, b) => a - b)
      isChanged = true
    }
    return isChanged
  }
}
