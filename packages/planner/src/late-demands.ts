import type { FleetTable } from './fleet-table.ts'
import type { ModelFinish } from './model/model-finish.ts'
import type { ServedDemand } from './served-demands.ts'
import type { Unmet } from './unmet.ts'

/** What is planned and comes too late, or never because nobody can send it. */
export function lateDemands(table: FleetTable, served: readonly ServedDemand[], finish: ModelFinish): Unmet[] {
  return served.flatMap((one) => lateDemand(table, one, finish))
}

function lateDemand(table: FleetTable, { demand, chain, nodes }: ServedDemand, finish: ModelFinish): Unmet[] {
  const { id, deadlineMs } = demand
  const [never, missing, late] = [new Set<number>(), new Set<number>(), new Set<number>()]
  let earliestMs = 0
  for (const layer of chain) {
    for (const node of nodes) {
      const doneMs = finish.ofLayer(node, layer)
      if (doneMs === undefined) {
        never.add(node)
        missing.add(layer)
      } else {
        earliestMs = Math.max(earliestMs, doneMs)
        if (deadlineMs !== undefined && doneMs > deadlineMs) late.add(node)
      }
    }
  }
  const names = (some: ReadonlySet<number>) => [...some].map((node) => table.nameOf(node))
  const layers = [...missing].flatMap((layer) => table.layers[layer]?.digest ?? [])
  const unmet: Unmet[] = never.size === 0 ? [] : [{ demand: id, reason: 'no-source', nodes: names(never), layers }]
  if (deadlineMs !== undefined && late.size > 0) {
    const nodesInTime = nodes.length - new Set([...late, ...never]).size
    const lateNodes = names(late)
    unmet.push({
      demand: id,
      reason: 'deadline',
      deadlineMs,
      earliestMs: Math.ceil(earliestMs),
      lateNodes,
      nodesInTime,
    })
  }
  return unmet
}
