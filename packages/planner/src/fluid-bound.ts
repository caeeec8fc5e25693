import type { FleetTable } from './fleet-table.ts'
import type { LinkRates } from './link-rates.ts'
import type { PlanUnit } from './plan-unit.ts'

/** The least possible time, and which link sets it. */
export interface FluidBound {
  readonly seconds: number
  readonly limitedBy: 'nothing' | 'library' | 'seed' | 'node' | 'upload' | 'uplink' | 'plan'
}

/**
 * The least time in which the last node can have all that it lacks, whoever schedules: the seed has to send once what
 * nodes do not have between them (read once from the library before, if it must be), each node's link and each rack's
 * uplink have to receive it once, and all copies together have to be sent by somebody. For one layer that nobody has it
 * is max(F/u_s, F/d_min, F/uplink, N·F/(u_s + sum u_i)) (Mundinger, Weber and Weiss, "Optimal scheduling of
 * peer-to-peer file dissemination", 2008). Links count in full: without losses, latency or start.
 */
export function fluidBound(table: FleetTable, rates: LinkRates, units: readonly PlanUnit[]): FluidBound {
  const lackingOfNode = new Float64Array(table.nodes.length)
  const missingInRack = new Float64Array(rates.rackIn.length)
  const takesPart = new Uint8Array(table.nodes.length)
  let [unread, unsent] = [0, 0]
  for (const [layer, wanting] of Map.groupBy(units, (unit) => unit.layer)) {
    const isRackLacking = new Uint8Array(missingInRack.length)
    for (const { nodes } of wanting) {
      for (const node of nodes) {
        const lacking = table.lackingBytes(layer, node)
        if (lacking === 0) continue
        takesPart[node] = 1
        lackingOfNode[node] = (lackingOfNode[node] ?? 0) + lacking
        isRackLacking[table.rackOf(node)] = 1
      }
    }
    const { all, byRack } = heldTogether(table, layer, takesPart)
    for (const [rack, isLacking] of isRackLacking.entries()) {
      if (isLacking === 0) continue
      const missing = Math.max(0, table.sizeBytes(layer) - (byRack[rack] ?? 0))
      missingInRack[rack] = (missingInRack[rack] ?? 0) + missing
    }
    const missing = isRackLacking.every((isLacking) => isLacking === 0) ? 0 : Math.max(0, table.sizeBytes(layer) - all)
    unsent += missing
    if (missing > 0) unread += table.unreadBytes(layer)
  }
  const lacking = lackingOfNode.reduce((sum, bytes) => sum + bytes, 0)
  const up = rates.nodeUp.reduce((sum, rate, node) => (takesPart[node] === 1 ? sum + rate : sum), rates.seedUp)
  const terms: [FluidBound['limitedBy'], number][] = [
    ['library', seconds(unread, rates.library)],
    ['seed', seconds(unsent, rates.seedUp)],
    ['node', worst(lackingOfNode, rates.nodeDown)],
    ['upload', seconds(lacking, up)],
    ['uplink', worst(missingInRack, rates.rackIn)],
    ['plan', seconds(lacking, rates.plan)],
  ]
  const [limitedBy, longest] = terms.reduce((most, term) => (term[1] > most[1] ? term : most), ['nothing', 0])
  return { seconds: longest, limitedBy }
}

/**
 * What all living nodes, and those of each rack, have at the most when no two have the same. Who has some takes part.
 */
function heldTogether(table: FleetTable, layer: number, takesPart: Uint8Array): { all: number; byRack: Float64Array } {
  const byRack = new Float64Array(table.uplinks.length)
  let all = 0
  for (const node of table.nodes.keys()) {
    if (!table.isAlive(node)) continue
    const held = table.heldBytes(layer, node)
    if (held > 0) takesPart[node] = 1
    const rack = table.rackOf(node)
    byRack[rack] = (byRack[rack] ?? 0) + held
    all += held
  }
  return { all, byRack }
}

function worst(bytes: Float64Array, rates: Float64Array): number {
  return bytes.reduce((most, some, index) => Math.max(most, seconds(some, rates[index] ?? 0)), 0)
}

function seconds(bytes: number, rate: number): number {
  return bytes === 0 ? 0 : bytes / rate
}
