import type { FleetTable } from './fleet-table.ts'
import type { LinkRates } from './link-rates.ts'
import type { PlanUnit } from './plan-unit.ts'
import { WaveRoom } from './wave-room.ts'

/** The boot bytes of all nodes. */
export const BOOT_WAVE = 0

export interface UnitInWave {
  readonly unit: PlanUnit
  readonly wave: number
}

/**
 * Puts units, the most urgent first, into waves. A layer's nodes all begin together: pieces spread by the upload of
 * those who have them, so dividing them would only make the last later. What has to be divided are layers, for several
 * at once share the seed, the library and the uplinks, and all of them end late. So a wave takes the next unit as long
 * as the seed's egress, each rack's uplink and every node of it can take both at full rate; else the next wave begins.
 * Waves are ranks, not barriers: what a wave leaves of a link, the next may use.
 *
 * Units of an earlier plan stay in their wave, and new ones join the wave of the next that is less urgent. A middle is
 * always in a later wave than its base on the same node.
 */
export function assignWaves(table: FleetTable, rates: LinkRates, units: readonly PlanUnit[]): UnitInWave[] {
  const bases = new BaseWaves(table, units)
  const room = new WaveRoom(table, rates)
  const nextKept = nextKeptWaves(units)
  const lastKept = units.reduce((last, { keptWave = BOOT_WAVE }) => Math.max(last, keptWave), BOOT_WAVE)
  let packing = lastKept
  return units.map((unit, index) => {
    const wave = unit.keptWave ?? join(unit, nextKept[index]) ?? pack(unit)
    bases.add(unit, wave)
    return { unit, wave }
  })

  function join(unit: PlanUnit, next: number | undefined): number | undefined {
    const beforeMiddles = bases.firstKeptMiddle(unit) - 1
    if (next === undefined && beforeMiddles === Number.POSITIVE_INFINITY) return undefined
    return Math.max(bases.lastBase(unit) + 1, Math.min(next ?? beforeMiddles, beforeMiddles))
  }

  function pack(unit: PlanUnit): number {
    const earliest = bases.lastBase(unit) + 1
    if (packing > lastKept && packing >= earliest && room.tryTake(unit)) return packing
    packing = Math.max(packing + 1, earliest)
    room.open(packing)
    room.tryTake(unit)
    return packing
  }
}

/** The wave of the next unit behind each that stays where it was. */
function nextKeptWaves(units: readonly PlanUnit[]): (number | undefined)[] {
  let next: number | undefined
  return units
    .toReversed()
    .map((unit) => {
      const behind = next
      next = unit.keptWave ?? next
      return behind
    })
    .reverse()
}

/** In which wave the bases of middles are, by node. */
class BaseWaves {
  readonly #table: FleetTable
  readonly #parents: ReadonlySet<number | undefined>
  readonly #waves = new Map<number, Int32Array>()
  readonly #keptMiddles = new Map<number, Float64Array>()

  constructor(table: FleetTable, units: readonly PlanUnit[]) {
    this.#table = table
    this.#parents = new Set(table.layers.map((_, layer) => table.parent(layer)))
    for (const { layer, nodes, keptWave } of units) {
      const base = table.parent(layer)
      if (base === undefined || keptWave === undefined) continue
      const first = this.#keptMiddles.get(base) ?? new Float64Array(table.nodes.length).fill(Number.POSITIVE_INFINITY)
      this.#keptMiddles.set(base, first)
      for (const node of nodes) first[node] = Math.min(first[node] ?? keptWave, keptWave)
    }
  }

  add({ layer, nodes }: PlanUnit, wave: number): void {
    if (!this.#parents.has(layer)) return
    const waves = this.#waves.get(layer) ?? new Int32Array(this.#table.nodes.length)
    this.#waves.set(layer, waves)
    for (const node of nodes) waves[node] = wave
  }

  /** The last wave in which nodes of a middle get their base; the boot wave for a base. */
  lastBase({ layer, nodes }: PlanUnit): number {
    const waves = this.#waves.get(this.#table.parent(layer) ?? -1)
    return nodes.reduce((last, node) => Math.max(last, waves?.[node] ?? BOOT_WAVE), BOOT_WAVE)
  }

  /** The first wave in which nodes of a base have a middle of it that stays where it was. */
  firstKeptMiddle({ layer, nodes }: PlanUnit): number {
    const first = this.#keptMiddles.get(layer)
    return nodes.reduce((least, node) => Math.min(least, first?.[node] ?? least), Number.POSITIVE_INFINITY)
  }
}
