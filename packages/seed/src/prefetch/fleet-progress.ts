import type { LayerInventory, PlanNode, PlanProgress } from '@shoal/api'
import type { Digest } from '@shoal/core'
import { NodeProgress, type Presence } from './node-progress.ts'
import { isoTime, reckonedTime } from './plan-request.ts'
import type { PlanTargets } from './plan-targets.ts'
import { type SlowContext, slowReason } from './slow-reason.ts'
import { type LayerSizes, waveProgress } from './wave-progress.ts'

const SLOWEST = 10

/** How far all nodes of a plan are, kept up to date node by node as they report. */
export class FleetProgress {
  readonly #rows = new Map<string, NodeProgress>()
  #targets: PlanTargets = new Map()
  #recalled: ReadonlyMap<string, number> = new Map()
  #sizes: LayerSizes = { sizeOf: () => 0, bootBytesOf: () => 0 }
  readonly #isEnded: (node: string, layer: Digest) => boolean

  /** `isEnded` says of a layer that a node was asked for whether it is not any more. */
  constructor({ isEnded }: { isEnded: (node: string, layer: Digest) => boolean } = { isEnded: () => false }) {
    this.#isEnded = isEnded
  }

  get rows(): ReadonlyMap<string, NodeProgress> {
    return this.#rows
  }

  /** Takes what is wanted now, and what each of the nodes holds of it. */
  setTargets(
    targets: PlanTargets,
    sizes: LayerSizes,
    heldBy: (node: string) => ReadonlyMap<string, LayerInventory>,
    nowMs: number,
  ): void {
    this.#targets = targets
    this.#sizes = sizes
    for (const node of this.#rows.keys()) if (!targets.has(node)) this.#rows.delete(node)
    for (const node of targets.keys()) this.report(node, heldBy(node), nowMs)
  }

  /** When nodes are ready that are. Unix time in milliseconds. */
  readyTimes(): Map<string, number> {
    return new Map([...this.#rows].flatMap(([node, { readyAt }]) => (readyAt === null ? [] : [[node, readyAt]])))
  }

  /** Says when nodes were ready, by the word of an earlier run; those that still are were so since then. */
  recall(times: ReadonlyMap<string, number>): void {
    this.#recalled = times
  }

  /** Takes a node's report in; whether its state is another now. Undefined: it has no part in the plan. */
  report(node: string, held: ReadonlyMap<string, LayerInventory>, nowMs: number): { isOther: boolean } | undefined {
    const target = this.#targets.get(node)
    if (target === undefined) return undefined
    const row = this.#rows.get(node) ?? new NodeProgress(this.#recalled.get(node))
    this.#rows.set(node, row)
    const before = row.state
    const layers = [...target.layers.keys()].map((layer) => [layer, this.#sizes.sizeOf(layer)] as const)
    row.update(layers, held, { nowMs, isEnded: (layer) => this.#isEnded(node, layer) })
    return { isOther: row.state !== before }
  }

  /** Says whether a node can be spoken with; what it was before, if that differs. */
  setPresence(node: string, presence: Presence): Presence | undefined {
    const row = this.#rows.get(node)
    if (row === undefined || row.presence === presence) return undefined
    const before = row.presence
    row.presence = presence
    if (presence !== 'here') row.bytesPerSecond = 0
    return before
  }

  counts(): PlanProgress['nodes'] {
    const counts = { total: this.#rows.size, waiting: 0, fetching: 0, ready: 0, failed: 0, excluded: 0 }
    for (const row of this.#rows.values()) counts[row.state] += 1
    return counts
  }

  summary(context: SlowContext, nowMs: number): PlanProgress {
    const nodes = this.counts()
    let [wantedBytes, presentBytes, bytesPerSecond, longestMs] = [0, 0, 0, 0]
    let isKnown = nodes.waiting + nodes.fetching > 0
    const unfinished: [string, NodeProgress][] = []
    for (const [node, row] of this.#rows) {
      wantedBytes += row.wantedBytes
      presentBytes += row.presentBytes
      bytesPerSecond += row.bytesPerSecond
      if (row.state === 'ready') continue
      unfinished.push([node, row])
      if (row.state !== 'waiting' && row.state !== 'fetching') continue
      const { remainingMs } = row
      if (remainingMs === null) isKnown = false
      else longestMs = Math.max(longestMs, remainingMs)
    }
    // One that has no rate yet will be as late as all together are.
    const restMs = bytesPerSecond > 0 ? ((wantedBytes - presentBytes) / bytesPerSecond) * 1000 : null
    const leftMs = isKnown ? longestMs : unfinished.length > 0 && restMs !== null ? Math.max(restMs, longestMs) : null
    const late = ([, row]: [string, NodeProgress]) => row.remainingMs ?? Number.POSITIVE_INFINITY
    const slowest = unfinished
      .sort((a, b) => compare(late(b), late(a)) || compare(a[1].presentBytes, b[1].presentBytes))
      .slice(0, SLOWEST)
    return {
      nodes,
      wantedBytes,
      presentBytes,
      bytesPerSecond,
      estimatedFinishAt: leftMs === null ? null : reckonedTime(nowMs + leftMs),
      slowest: slowest.map(([node]) => this.node(node, context, nowMs)),
      waves: waveProgress({ rows: this.#rows, targets: this.#targets }, this.#sizes, nowMs),
    }
  }

  /** One node as the API shows it. */
  node(node: string, context: SlowContext, nowMs: number): PlanNode {
    const row = this.#rows.get(node) ?? new NodeProgress()
    const { state, wantedBytes, presentBytes, bytesPerSecond, remainingMs, readyAt } = row
    const { vms = 0, predictedFinishMs = null } = this.#targets.get(node) ?? {}
    return {
      node,
      state,
      wantedBytes,
      presentBytes,
      bytesPerSecond,
      vms,
      predictedFinishAt: reckonedTime(predictedFinishMs),
      estimatedFinishAt: remainingMs === null || readyAt !== null ? null : reckonedTime(nowMs + remainingMs),
      readyAt: readyAt === null ? null : isoTime(readyAt),
      reason: state === 'ready' ? null : slowReason(node, row, context),
    }
  }

  /** The rate of the node in the middle of those that receive; 0 when none does. */
  medianRate(): number {
    const rates = [...this.#rows.values()].flatMap(({ bytesPerSecond }) => (bytesPerSecond > 0 ? [bytesPerSecond] : []))
    return rates.sort((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0
  }
}

function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0
}
