import type { RackFlow } from '@shoal/api'
import { placeName } from '../format/names.ts'

/** A line of the swarm graph: from one rack to another one. */
export interface RackLink {
  readonly from: string
  readonly to: string
  /** Of the thickest line of the graph, from 0 to 1. */
  readonly share: number
}

export interface RackLinks {
  /** Whether lines show rates; if nothing moves, they show what moved so far. */
  readonly isLive: boolean
  readonly fromSeed: ReadonlyMap<string, number>
  /** Within a rack, by its name. */
  readonly within: ReadonlyMap<string, number>
  readonly between: readonly RackLink[]
  /** Sums of what is shown: bytes per second, or bytes. */
  readonly sums: { readonly fromSeed: number; readonly within: number; readonly between: number }
}

/** So many lines between racks are drawn, the thickest: more are a grey disk. */
const MAX_LINES = 120

/** What the lines of the swarm graph stand for: what moves now, or, when nothing does, what has moved. */
export function rackLinks(flows: readonly RackFlow[]): RackLinks {
  const isLive = flows.some(({ bytesPerSecond }) => bytesPerSecond >= 1)
  const amountOf = (flow: RackFlow) => (isLive ? flow.bytesPerSecond : flow.bytes)
  const most = flows.reduce((max, flow) => Math.max(max, amountOf(flow)), 1)
  const fromSeed = new Map<string, number>()
  const within = new Map<string, number>()
  const between: RackLink[] = []
  const sums = { fromSeed: 0, within: 0, between: 0 }
  for (const flow of flows) {
    const [value, share] = [amountOf(flow), amountOf(flow) / most]
    const [from, to] = [placeName(flow.from), placeName(flow)]
    if (value <= 0) continue
    if (flow.isOrigin) {
      fromSeed.set(to, share)
      sums.fromSeed += value
    } else if (from === to) {
      within.set(to, share)
      sums.within += value
    } else {
      between.push({ from, to, share })
      sums.between += value
    }
  }
  between.sort((a, b) => b.share - a.share)
  return { isLive, fromSeed, within, between: between.slice(0, MAX_LINES), sums }
}
