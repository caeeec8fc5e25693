import type { Layer, LayerSpread, Node, SpreadRack } from '@shoal/api'
import { ReasonSums } from './arrival-log.ts'
import { RackFlows } from './rack-flows.ts'

type RackSums = { -readonly [K in keyof SpreadRack]: SpreadRack[K] }

/** Maps are told in so many stretches by those nodes that tell none of their own. */
const MAP_STRETCHES = 128

/** Where a layer is, from what nodes report. */
export function layerSpread({ digest, sizeBytes, blockLengthBytes }: Layer, nodes: readonly Node[]): LayerSpread {
  const stretches = stretchCount(sizeBytes, blockLengthBytes)
  const copies = new Array<number>(stretches).fill(0)
  const racks = new Map<string, RackSums>()
  const flows = new RackFlows(digest)
  const reasons = new ReasonSums()
  const rows: LayerSpread['nodes'] = []
  const placed = [...nodes].sort((a, b) => compare(a.zone, b.zone) || compare(a.rack, b.rack) || compare(a.id, b.id))
  for (const node of placed) {
    const held = node.inventory?.layers.find((layer) => layer.digest === digest)
    if (held === undefined || held.state === 'evicted') continue
    const map = held.state === 'complete' ? 'f'.repeat(stretches) : (held.map ?? '')
    rows.push({
      node: node.id,
      state: node.state === 'lost' ? 'lost' : held.state,
      presentBytes: held.presentBytes,
      map,
    })
    // What one in quarantine says is there does not count, since nobody takes it from there.
    const isCounted = node.state !== 'lost' && node.mode.mode !== 'quarantined'
    if (isCounted && map.length === stretches) addCopies(copies, map)
    addToRack(racks, node, held)
    flows.add(node, held)
    reasons.add(held.arrivals)
  }
  const rounded = copies.map((count) => Math.round(count * 100) / 100)
  const stretchBytes = Math.ceil(sizeBytes / stretches)
  const moved = { racks: [...racks.values()], flows: flows.list(), reasons: reasons.list() }
  return { layer: digest, stretches, stretchBytes, nodes: rows, copies: rounded, ...moved }
}

/** Into how many stretches a layer's map is divided: one a block, up to a bound. */
export function stretchCount(sizeBytes: number, blockLengthBytes: number): number {
  return Math.max(1, Math.min(MAP_STRETCHES, Math.ceil(sizeBytes / blockLengthBytes)))
}

function addCopies(copies: number[], map: string): void {
  for (let index = 0; index < copies.length; index += 1) {
    copies[index] = (copies[index] ?? 0) + Number.parseInt(map[index] ?? '0', 16) / 15
  }
}

function addToRack(
  racks: Map<string, RackSums>,
  { zone, rack, mode }: Node,
  held: NonNullable<Node['inventory']>['layers'][number],
): void {
  const key = `${zone}\n${rack}`
  const sums = racks.get(key) ?? {
    ...{ zone, rack, nodes: 0, complete: 0 },
    ...{ presentBytes: 0, fromOriginBytes: 0, fromPeersBytes: 0, uploadedBytes: 0 },
  }
  racks.set(key, sums)
  sums.nodes += 1
  if (held.state === 'complete' && mode.mode !== 'quarantined') sums.complete += 1
  sums.presentBytes += held.presentBytes
  sums.fromOriginBytes += held.fromOriginBytes
  sums.fromPeersBytes += held.fromPeersBytes
  sums.uploadedBytes += held.uploadedBytes
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
