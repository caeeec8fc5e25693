import type { BootRow, LayerInventory, Node, NodeRow, NodeTrouble } from '@shoal/api'
import { nodeTrouble } from '../health/node-trouble.ts'
import { ProgressWatch } from '../health/progress-watch.ts'
import type { PushChannels } from '../nodes/push-channels.ts'
import { layerSums, toNodeRow } from './node-row.ts'

export interface FleetSurveyDeps {
  readonly registry: { list(): Node[] }
  readonly channels: Pick<PushChannels, 'brokenSince'>
  /** A layer that nobody wants any more, or whose plan is paused, is not waited for. */
  readonly assignments: { mayMove(node: string, layer: string): boolean }
}

/** All nodes at one moment, in rows and in sums. */
export interface Survey {
  readonly rows: readonly NodeRow[]
  readonly boots: readonly BootRow[]
  readonly troubled: Partial<Record<NodeTrouble['code'], string[]>>
  /** Names of nodes that are not active. */
  readonly modes: { readonly draining: readonly string[]; readonly quarantined: readonly string[] }
  readonly sums: {
    readonly troubled: number
    readonly fetching: number
    readonly full: number
    readonly usedBytes: number
    readonly capacityBytes: number
    readonly downBytesPerSecond: number
    readonly upBytesPerSecond: number
  }
}

const FULL_SHARE = 0.9
const NONE: readonly LayerInventory[] = []

/** Looks over the whole fleet, and remembers since when nodes do not get on. */
export class FleetSurvey {
  readonly #deps: FleetSurveyDeps
  readonly #progress = new ProgressWatch()

  constructor(deps: FleetSurveyDeps) {
    this.#deps = deps
  }

  /** Takes a node's report in; to be called with every heartbeat. */
  note(node: string, inventory: Node['inventory'], now: number): void {
    const isWaiting = this.#wanted(node, inventory).length > 0
    this.#progress.note(node, isWaiting ? layerSums(inventory).presentBytes : undefined, now)
  }

  forget(node: string): void {
    this.#progress.forget(node)
  }

  take(now: number): Survey {
    const nodes = this.#deps.registry.list()
    const moment = { now, medianRate: medianRate(nodes) }
    const troubled: Survey['troubled'] = {}
    const modes: { draining: string[]; quarantined: string[] } = { draining: [], quarantined: [] }
    const sums = {
      ...{ troubled: 0, fetching: 0, full: 0, usedBytes: 0, capacityBytes: 0 },
      ...{ downBytesPerSecond: 0, upBytesPerSecond: 0 },
    }
    const rows: NodeRow[] = []
    const boots: BootRow[] = []
    for (const node of nodes) {
      const wanted = this.#wanted(node.id, node.inventory)
      const trouble = this.#troubleOf(node, wanted, moment)
      const row = toNodeRow(node, trouble, wanted.length)
      rows.push(row)
      if (row.mode !== 'active') modes[row.mode].push(row.id)
      if (node.state !== 'lost') {
        for (const boot of node.inventory?.boots ?? [])
          boots.push({ ...boot, node: node.id, id: `${node.id}/${boot.name}` })
      }
      if (trouble !== null) {
        const names = troubled[trouble.code] ?? []
        names.push(node.id)
        troubled[trouble.code] = names
        sums.troubled += 1
      }
      if (row.fetching > 0 && node.state !== 'lost') sums.fetching += 1
      if (row.capacityBytes > 0 && row.usedBytes >= row.capacityBytes * FULL_SHARE) sums.full += 1
      sums.usedBytes += row.usedBytes
      sums.capacityBytes += row.capacityBytes
      sums.downBytesPerSecond += row.downBytesPerSecond
      sums.upBytesPerSecond += row.upBytesPerSecond
    }
    return { rows, boots, troubled, modes, sums }
  }

  /** Layers that the node is to have now and does not; empty for most, which costs nothing. */
  #wanted(node: string, inventory: Node['inventory']): readonly LayerInventory[] {
    if (inventory === null || layerSums(inventory).fetching === 0) return NONE
    return inventory.layers.filter(
      ({ digest, state }) =>
        state !== 'complete' && state !== 'evicted' && this.#deps.assignments.mayMove(node, digest),
    )
  }

  #troubleOf(
    node: Node,
    layers: readonly LayerInventory[],
    moment: { now: number; medianRate: number },
  ): NodeTrouble | null {
    const { id, state, mode, lastSeenAt, reachability, inventory, capacityBytes } = node
    const facts = {
      ...{ state, lastSeenAt, reachability, capacityBytes, mode: mode.mode, isDrained: mode.isDrained },
      layers,
      downBytesPerSecond: inventory?.downBytesPerSecond ?? 0,
      usedBytes: inventory?.diskUsedBytes ?? 0,
      brokenSince: this.#deps.channels.brokenSince(id),
      stillSince: this.#progress.since(id),
    }
    return nodeTrouble(facts, moment)
  }
}

/** The rate of the node in the middle of those that receive. Bytes per second. */
function medianRate(nodes: readonly Node[]): number {
  const rates = nodes.flatMap(({ inventory }) => {
    const rate = inventory?.downBytesPerSecond ?? 0
    return rate > 0 ? [rate] : []
  })
  return rates.sort((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0
}
