import type { PlanLimits } from '@shoal/api'

/** Less than this is of no use to a node: where there are too many, some wait. Bytes per second. */
const LEAST_SHARE = 256 * 1024
/** A node that uses less of its share than this does not need it. */
const USED_SHARE = 0.7
/** What such a node may have beyond what it uses, so that it can grow again. */
const GROWTH = 1.5
const LEAST_OF_EQUAL = 0.1

/** A node that is not ready. */
export interface SharingNode {
  readonly node: string
  readonly bytesPerSecond: number
}

/**
 * Divides what a plan may move among the nodes that are not ready: in equal parts, save that what a node does not use goes to the
 * others (max-min fairness; Bertsekas and Gallager, "Data Networks", 6.5.2). The shares never are more than the limit together. Null:
 * no limit; a node that is not named has to wait.
 */
export function rateShares(
  { bytesPerSecond, nodeBytesPerSecond }: Required<PlanLimits>,
  nodes: readonly SharingNode[],
  before: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> | null {
  const most = nodeBytesPerSecond ?? Number.POSITIVE_INFINITY
  if (bytesPerSecond === null) {
    return nodeBytesPerSecond === null ? null : new Map(nodes.map(({ node }) => [node, nodeBytesPerSecond]))
  }
  const served = nodes.slice(0, Math.max(1, Math.floor(bytesPerSecond / LEAST_SHARE)))
  const equal = bytesPerSecond / Math.max(1, served.length)
  const needs = served.map(({ node, bytesPerSecond: used }) => {
    const had = before.get(node)
    const isShort = had === undefined || used >= had * USED_SHARE
    return { node, need: Math.min(most, isShort ? most : Math.max(used * GROWTH, equal * LEAST_OF_EQUAL)) }
  })
  const shares = new Map<string, number>()
  let [left, count] = [bytesPerSecond, needs.length]
  for (const { node, need } of needs.sort((a, b) => (a.need < b.need ? -1 : a.need > b.need ? 1 : 0))) {
    const share = Math.floor(Math.min(need, left / count))
    shares.set(node, share)
    left -= share
    count -= 1
  }
  return withRest(shares, left, most)
}

/** What nobody seems to need is given out all the same: what is measured lags behind what a node could use by now. */
function withRest(shares: ReadonlyMap<string, number>, rest: number, most: number): ReadonlyMap<string, number> {
  const raised = new Map<string, number>()
  let [left, count] = [rest, shares.size]
  for (const [node, share] of [...shares].sort(([, a], [, b]) => b - a)) {
    const more = Math.floor(Math.min(most - share, left / count))
    raised.set(node, share + more)
    left -= more
    count -= 1
  }
  return raised
}
