import { type FleetTable, NO_RACK } from './fleet-table.ts'
import { layerOfPart } from './model/cohort.ts'
import type { SwarmModel } from './model/swarm-model.ts'

/** How often bytes crossed the seed's link and the worst rack's uplink, over how often they had to. */
export function simulatedCopies(
  table: FleetTable,
  { state, traffic }: SwarmModel,
): { seedCopies: number; crossRackCopies: number } {
  const wanted = new Set<number>()
  const wantedInRack = new Map<number, Set<number>>()
  for (const { nodes, rack, stages } of state.cohorts) {
    for (const { part } of stages) {
      const layer = layerOfPart(part)
      if (nodes.every((node) => table.lackingBytes(layer, node) === 0)) continue
      wanted.add(layer)
      wantedInRack.set(rack, (wantedInRack.get(rack) ?? new Set()).add(layer))
    }
  }
  const bytesOf = (layers: ReadonlySet<number>) => [...layers].reduce((sum, layer) => sum + table.sizeBytes(layer), 0)
  const once = bytesOf(wanted)
  let crossRackCopies = 0
  for (const [rack, layers] of wantedInRack) {
    if (rack !== NO_RACK) crossRackCopies = Math.max(crossRackCopies, (traffic.intoRack[rack] ?? 0) / bytesOf(layers))
  }
  return { seedCopies: once === 0 ? 0 : traffic.seedToNode / once, crossRackCopies }
}
