import type { NodeRow } from '@shoal/api'
import { placeName } from '../format/names.ts'
import { inFleetOrder } from './fleet-order.ts'

export interface FleetBlock {
  readonly name: string
  readonly nodes: readonly NodeRow[]
  readonly x: number
  readonly y: number
  /** Cells in one row of the block. */
  readonly across: number
}

export interface FleetLayout {
  readonly blocks: readonly FleetBlock[]
  /** Edge of one cell, its gap included. Pixels. */
  readonly cell: number
  readonly height: number
}

export const LABEL_PX = 16
const GAP_PX = 14
const CELLS_PX = [22, 18, 14, 11, 9, 7, 5, 4, 3] as const

/**
 * Places every node as a cell in the block of its rack, with the largest cells that fit. With more racks than there is room for names, all
 * nodes are in one block, rack after rack.
 */
export function fleetLayout(nodes: readonly NodeRow[], width: number, maxHeight: number): FleetLayout {
  const racks = Map.groupBy(inFleetOrder(nodes), placeName)
  for (const cell of CELLS_PX) {
    const layout = place([...racks], cell, width)
    if (layout.height <= maxHeight) return layout
  }
  const last = CELLS_PX.at(-1) ?? 3
  return place([[`${racks.size} racks`, inFleetOrder(nodes)]], last, width)
}

/** The node that a point is on. */
export function nodeAt({ blocks, cell }: FleetLayout, x: number, y: number): NodeRow | undefined {
  for (const block of blocks) {
    const column = Math.floor((x - block.x) / cell)
    const row = Math.floor((y - block.y - LABEL_PX) / cell)
    if (column < 0 || column >= block.across || row < 0) continue
    const node = block.nodes[row * block.across + column]
    if (node !== undefined) return node
  }
  return undefined
}

function place(racks: readonly (readonly [string, readonly NodeRow[]])[], cell: number, width: number): FleetLayout {
  const blocks: FleetBlock[] = []
  let [x, y, lineHeight] = [0, 0, 0]
  for (const [name, nodes] of racks) {
    const most = Math.max(1, Math.floor(width / cell))
    const wanted = Math.max(Math.ceil(Math.sqrt(nodes.length * 2)), Math.ceil(54 / cell))
    const across = racks.length === 1 ? most : Math.min(most, wanted)
    const [blockWidth, blockHeight] = [across * cell, LABEL_PX + Math.ceil(nodes.length / across) * cell]
    if (x > 0 && x + blockWidth > width) {
      x = 0
      y += lineHeight + GAP_PX
      lineHeight = 0
    }
    blocks.push({ name, nodes, x, y, across })
    x += blockWidth + GAP_PX
    lineHeight = Math.max(lineHeight, blockHeight)
  }
  return { blocks, cell, height: y + lineHeight }
}
