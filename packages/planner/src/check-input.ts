import { isDigest } from '@shoal/core'
import type { Demand } from './demand.ts'
import type { FleetNode, PlanLayer } from './fleet.ts'
import type { PlannerInput } from './plan.ts'

/**
 * Throws a TypeError that names the first thing in an input that contradicts itself. Who calls has checked what came
 * from outside.
 */
export function checkInput({ nowMs, fleet, layers, demands, limits = {} }: PlannerInput): void {
  if (!Number.isFinite(nowMs)) throw new TypeError(`now is ${nowMs}`)
  distinct(
    'node',
    fleet.nodes.map(({ node }) => node),
  )
  distinct(
    'uplink',
    fleet.racks.map(({ rack }) => rack),
  )
  distinct(
    'layer',
    layers.map(({ digest }) => digest),
  )
  distinct(
    'demand',
    demands.map(({ id }) => id),
  )
  for (const node of fleet.nodes) checkNode(node)
  for (const { rack, inBytesPerSecond, outBytesPerSecond } of fleet.racks) {
    notNegative(`uplink of ${rack}`, { inBytesPerSecond, outBytesPerSecond })
  }
  const { upBytesPerSecond, libraryBytesPerSecond } = fleet.seed
  notNegative('seed', { upBytesPerSecond, libraryBytesPerSecond })
  notNegative('limits', { ...limits })
  const known = new Map(layers.map((layer) => [layer.digest, layer]))
  for (const layer of layers) checkLayer(layer)
  for (const demand of demands) checkDemand(demand, known)
}

function checkNode({ node, holds, ...rest }: FleetNode): void {
  const { upBytesPerSecond, downBytesPerSecond, load = 0 } = rest
  notNegative(node, { upBytesPerSecond, downBytesPerSecond, load })
  // Caches may be over their limit, and free bytes then less than none.
  const finite = [upBytesPerSecond, downBytesPerSecond, rest.freeCacheBytes, load].every(Number.isFinite)
  if (!finite) throw new TypeError(`${node} has a rate, a load or free bytes without an end`)
  distinct(
    `layer on ${node}`,
    holds.map(({ layer }) => layer),
  )
  for (const { layer, heldBytes } of holds) notNegative(`${layer} on ${node}`, { heldBytes })
}

function checkLayer({ digest, sizeBytes, bootBytes, pieceLengthBytes }: PlanLayer): void {
  if (!isDigest(digest)) throw new TypeError(`${digest} is not a digest`)
  notNegative(digest, { bootBytes })
  if (!(Number.isSafeInteger(sizeBytes) && sizeBytes > 0)) throw new TypeError(`${digest} has ${sizeBytes} bytes`)
  if (!(Number.isSafeInteger(pieceLengthBytes) && pieceLengthBytes > 0)) {
    throw new TypeError(`${digest} has pieces of ${pieceLengthBytes} bytes`)
  }
}

/** A chain is a base, or a base and a middle of it. */
function checkDemand({ id, chain, target, priority, ...times }: Demand, known: ReadonlyMap<string, PlanLayer>): void {
  const layers = chain.map((digest) => {
    const layer = known.get(digest)
    if (layer === undefined) throw new TypeError(`${id} wants ${digest}, of which nothing is known`)
    return layer
  })
  const [base, middle] = layers
  const isChain = layers.length <= 2 && base !== undefined && base.parent === undefined
  if (!isChain || (middle !== undefined && middle.parent !== base.digest)) {
    throw new TypeError(`the layers of ${id} are not a base, or a base and a middle of it`)
  }
  const { notBeforeMs = 0, deadlineMs = 0, pinnedUntilMs = 0 } = times
  if (![priority, notBeforeMs, deadlineMs, pinnedUntilMs].every(Number.isFinite)) {
    throw new TypeError(`${id} has a priority or a time that is no finite number`)
  }
  if (target.kind !== 'vms') return
  for (const count of [target.vms, target.vmsPerNode]) {
    if (!(Number.isSafeInteger(count) && count > 0)) throw new TypeError(`${id} wants ${count} VMs`)
  }
}

function distinct(what: string, names: readonly string[]): void {
  if (new Set(names).size === names.length) return
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  throw new TypeError(`${what} ${twice} is given twice`)
}

function notNegative(what: string, numbers: Readonly<Record<string, number | undefined>>): void {
  for (const [name, value = 0] of Object.entries(numbers)) {
    if (!(value >= 0)) throw new TypeError(`${what}: ${name} is ${value}`)
  }
}
