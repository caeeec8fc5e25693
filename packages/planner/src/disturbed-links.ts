import type { FleetTable } from './fleet-table.ts'
import type { LinkRates } from './link-rates.ts'
import type { FleetEvent } from './scenario.ts'

/**
 * Links while things happen to them: what they carry at best, by what share they are slowed, and what other traffic
 * takes.
 */
export class DisturbedLinks {
  /** As they are now. */
  readonly rates: LinkRates
  readonly #best: LinkRates
  readonly #table: FleetTable
  readonly #share: Float64Array
  readonly #takenOfNode: Float64Array
  readonly #takenOfRack: Float64Array
  #takenOfSeed = 0
  #isSeedUp = true

  constructor(table: FleetTable, best: LinkRates) {
    this.#table = table
    this.#best = best
    this.rates = {
      ...best,
      nodeUp: best.nodeUp.slice(),
      nodeDown: best.nodeDown.slice(),
      rackIn: best.rackIn.slice(),
      rackOut: best.rackOut.slice(),
    }
    this.#share = new Float64Array(best.nodeUp.length).fill(1)
    this.#takenOfNode = new Float64Array(best.nodeUp.length)
    this.#takenOfRack = new Float64Array(best.rackIn.length)
  }

  slowNode(node: number, share: number): void {
    this.#share[node] = share
    this.#setNode(node)
  }

  setSeed(isUp: boolean): void {
    this.#isSeedUp = isUp
    this.#setSeed()
  }

  /** Links of unknown names carry nothing of the plan, so that nothing happens to it. */
  take({ link, bytesPerSecond }: FleetEvent & { kind: 'background' }): void {
    if (link === 'seed') {
      this.#takenOfSeed = bytesPerSecond
      this.#setSeed()
    } else if ('node' in link) {
      const node = this.#table.node(link.node)
      if (node === undefined) return
      this.#takenOfNode[node] = bytesPerSecond
      this.#setNode(node)
    } else {
      const one = this.#table.nodes.findIndex(({ rack }) => rack === link.rack)
      if (one === -1) return
      const rack = this.#table.rackOf(one)
      this.#takenOfRack[rack] = bytesPerSecond
      for (const way of ['rackIn', 'rackOut'] as const)
        this.rates[way][rack] = this.#left(this.#best[way][rack], bytesPerSecond)
    }
  }

  #setNode(node: number): void {
    const share = this.#share[node] ?? 1
    for (const way of ['nodeUp', 'nodeDown'] as const) {
      this.rates[way][node] = this.#left((this.#best[way][node] ?? 0) * share, this.#takenOfNode[node])
    }
  }

  #setSeed(): void {
    this.rates.seedUp = this.#isSeedUp ? this.#left(this.#best.seedUp, this.#takenOfSeed) : 0
    this.rates.library = this.#isSeedUp ? this.#best.library : 0
  }

  #left(best = 0, taken = 0): number {
    return Math.max(0, best - taken)
  }
}
