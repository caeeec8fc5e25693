import type { Inventory, LayerInventory, Node, NodeRow, NodeTrouble } from '@shoal/api'

/** What is summed up of a node's layers; what it has evicted does not count. */
export interface LayerSums {
  readonly wantedBytes: number
  readonly presentBytes: number
  readonly layers: number
  /** Those that are not complete, wanted or not. */
  readonly fetching: number
}

const NOTHING: LayerSums = { wantedBytes: 0, presentBytes: 0, layers: 0, fetching: 0 }
const known = new WeakMap<readonly LayerInventory[], LayerSums>()

/** An inventory is replaced, never changed: its sums are made once. */
export function layerSums(inventory: Inventory | null): LayerSums {
  if (inventory === null) return NOTHING
  const made = known.get(inventory.layers) ?? sumUp(inventory.layers)
  known.set(inventory.layers, made)
  return made
}

function sumUp(layers: readonly LayerInventory[]): LayerSums {
  const sums = { ...NOTHING } as { -readonly [K in keyof LayerSums]: LayerSums[K] }
  for (const { state, sizeBytes, presentBytes } of layers) {
    if (state === 'evicted') continue
    sums.layers += 1
    sums.wantedBytes += sizeBytes
    sums.presentBytes += Math.min(presentBytes, sizeBytes)
    if (state !== 'complete') sums.fetching += 1
  }
  return sums
}

/** A node in one row, with how many layers it waits for; rates are rounded, so that noise is not news. */
export function toNodeRow(node: Node, trouble: NodeTrouble | null, fetching: number): NodeRow {
  const { id, zone, rack, state, mode, inventory, capacityBytes } = node
  const isHere = state !== 'lost'
  return {
    id,
    zone,
    rack,
    state,
    mode: mode.mode,
    modeReason: mode.mode === 'active' ? '' : mode.reason,
    isDrained: mode.isDrained,
    trouble,
    ...layerSums(inventory),
    fetching,
    usedBytes: inventory?.diskUsedBytes ?? 0,
    capacityBytes,
    downBytesPerSecond: isHere ? rounded(inventory?.downBytesPerSecond ?? 0) : 0,
    upBytesPerSecond: isHere ? rounded(inventory?.upBytesPerSecond ?? 0) : 0,
    boots: inventory?.boots?.length ?? 0,
  }
}

/** To three digits. */
function rounded(rate: number): number {
  return rate < 1000 ? 0 : Number(rate.toPrecision(3))
}
