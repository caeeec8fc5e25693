import { type FleetTable, NO_RACK } from './fleet-table.ts'
import type { LinkRates } from './link-rates.ts'
import type { PlanUnit } from './plan-unit.ts'

/** Rates are products with an efficiency, so that sums that should be equal differ in the last place. */
const SLACK = 1 + 1e-9

/** What a wave leaves of the seed, of uplinks and of nodes. */
export class WaveRoom {
  readonly #table: FleetTable
  readonly #rates: LinkRates
  /** By node: the wave in which it last had something to fetch. */
  readonly #busyIn: Int32Array
  readonly #rackIn: Float64Array
  #seedUp = 0
  #wave = 0
  #isEmpty = true

  constructor(table: FleetTable, rates: LinkRates) {
    this.#table = table
    this.#rates = rates
    this.#busyIn = new Int32Array(table.nodes.length)
    this.#rackIn = new Float64Array(rates.rackIn.length)
  }

  open(wave: number): void {
    this.#wave = wave
    this.#isEmpty = true
    this.#seedUp = this.#rates.seedUp
    this.#rackIn.set(this.#rates.rackIn)
  }

  /** Whether the unit went into the wave. An empty wave takes any. */
  tryTake(unit: PlanUnit): boolean {
    const { seedUp, rackIn } = this.#needsOf(unit)
    const fits =
      unit.nodes.every((node) => this.#busyIn[node] !== this.#wave) &&
      seedUp <= this.#seedUp * SLACK &&
      [...rackIn].every(([rack, rate]) => rate <= (this.#rackIn[rack] ?? 0) * SLACK)
    if (!fits && !this.#isEmpty) return false
    this.#isEmpty = false
    this.#seedUp = Math.max(0, this.#seedUp - seedUp)
    for (const [rack, rate] of rackIn) this.#rackIn[rack] = Math.max(0, (this.#rackIn[rack] ?? 0) - rate)
    for (const node of unit.nodes) this.#busyIn[node] = this.#wave
    return true
  }

  /** A rack needs one copy, as fast as its fastest node can take it; so does the fleet, unless a node has the layer. */
  #needsOf({ layer, nodes }: PlanUnit): { seedUp: number; rackIn: ReadonlyMap<number, number> } {
    const table = this.#table
    const rackIn = new Map<number, number>()
    const racksThatHold = new Set<number>()
    let fastest = 0
    for (const node of nodes) {
      const rack = table.rackOf(node)
      if (table.lackingBytes(layer, node) === 0) {
        racksThatHold.add(rack)
        continue
      }
      const down = this.#rates.nodeDown[node] ?? 0
      fastest = Math.max(fastest, down)
      const uplink = this.#rates.rackIn[rack] ?? Number.POSITIVE_INFINITY
      if (rack !== NO_RACK) rackIn.set(rack, Math.min(uplink, Math.max(rackIn.get(rack) ?? 0, down)))
    }
    for (const rack of racksThatHold) rackIn.delete(rack)
    return { seedUp: racksThatHold.size > 0 ? 0 : Math.min(this.#rates.seedUp, fastest), rackIn }
  }
}
