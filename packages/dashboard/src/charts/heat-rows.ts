import type { LayerSpread } from '@shoal/api'

export interface HeatRows {
  readonly rows: number
  readonly stretches: number
  /** Row by row, 0 nothing to 255 all; -1 where nobody knows. */
  readonly shares: Int16Array
  /** How many nodes one row stands for. */
  readonly nodesARow: number
}

/** A layer's map with at most so many rows: with more nodes than that, each row is the mean of some that follow each other. */
export function heatRows({ nodes, stretches }: LayerSpread, maxRows: number): HeatRows {
  const nodesARow = Math.max(1, Math.ceil(nodes.length / maxRows))
  const rows = Math.ceil(nodes.length / nodesARow)
  const shares = new Int16Array(rows * stretches).fill(-1)
  const sums = new Float64Array(stretches)
  for (let row = 0; row < rows; row += 1) {
    sums.fill(0)
    let known = 0
    for (const { map } of nodes.slice(row * nodesARow, (row + 1) * nodesARow)) {
      if (map.length !== stretches) continue
      known += 1
      for (let index = 0; index < stretches; index += 1)
        sums[index] = (sums[index] ?? 0) + digitOf(map.charCodeAt(index))
    }
    if (known === 0) continue
    for (let index = 0; index < stretches; index += 1) {
      shares[row * stretches + index] = Math.round(((sums[index] ?? 0) / known / 15) * 255)
    }
  }
  return { rows, stretches, shares, nodesARow }
}

/** The value of a hexadecimal digit by its code: this runs for each of a quarter of a million cells. */
function digitOf(code: number): number {
  return code <= 57 ? code - 48 : code - 87
}
