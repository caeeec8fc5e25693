import type { FleetTable } from './fleet-table.ts'
import { bootPart, heldOfPart, partBytes, restPart } from './model/cohort.ts'
import type { ModelFinish } from './model/model-finish.ts'
import type { Wave } from './plan.ts'
import { BOOT_WAVE, type UnitInWave } from './waves.ts'

interface WaveGround {
  readonly table: FleetTable
  /** In order of rank. */
  readonly units: readonly UnitInWave[]
  readonly finish: ModelFinish
}

interface RankedPart {
  readonly wave: number
  readonly rank: number
  readonly part: number
  readonly unit: UnitInWave['unit']
}

/** The waves of a plan, with what they move and when. */
export function describeWaves(ground: WaveGround): Wave[] {
  const { table, units } = ground
  const ranked = units.flatMap(({ unit, wave }, index): RankedPart[] => [
    { wave: BOOT_WAVE, rank: index, part: bootPart(unit.layer), unit },
    { wave, rank: units.length + index, part: restPart(unit.layer), unit },
  ])
  const withBytes = ranked.filter(({ wave, part }) => wave !== BOOT_WAVE || partBytes(table, part) > 0)
  const waves = [...Map.groupBy(withBytes, ({ wave }) => wave)].sort(([a], [b]) => a - b)
  return waves.map(([wave, parts]) => describeWave(ground, wave, parts))
}

function describeWave({ table, finish }: WaveGround, wave: number, parts: readonly RankedPart[]): Wave {
  const isIn = new Uint8Array(table.nodes.length)
  let bytes = 0
  for (const { part, unit } of parts) {
    for (const node of unit.nodes) {
      isIn[node] = 1
      bytes += partBytes(table, part) - heldOfPart(table, part, node)
    }
  }
  const ends = parts.map(({ part, unit }) => finish.ofPart(unit.nodes, part))
  const opens = parts.flatMap(({ rank }) => finish.opensMs(rank) ?? [])
  return {
    wave,
    kind: wave === BOOT_WAVE ? 'boot' : 'rest',
    layers: [...new Set(parts.flatMap(({ unit }) => table.layers[unit.layer]?.digest ?? []))],
    nodes: isIn.reduce((sum, one) => sum + one, 0),
    bytes,
    opensMs: opens.length === 0 ? undefined : Math.min(...opens),
    endsMs: ends.some((end) => end === undefined) ? undefined : Math.max(...ends.map((end) => end ?? 0)),
  }
}
