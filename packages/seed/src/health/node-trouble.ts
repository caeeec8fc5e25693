import type { LayerInventory, Node, NodeMode, NodeTrouble } from '@shoal/api'

/** What is known of one node. Times are Unix times in milliseconds. */
export interface NodeFacts {
  readonly state: Node['state']
  readonly mode: NodeMode
  /** It is not active and may go. */
  readonly isDrained: boolean
  readonly lastSeenAt: string
  readonly reachability: string
  /** What it is to have now and lacks. */
  readonly layers: readonly LayerInventory[]
  readonly downBytesPerSecond: number
  readonly usedBytes: number
  readonly capacityBytes: number
  /** Since when its push channel is broken. */
  readonly brokenSince: number | undefined
  /** Since when it lacks something and gets nothing. */
  readonly stillSince: number | undefined
}

export interface NodeMoment {
  readonly now: number
  /** The rate of the node in the middle of those that receive. Bytes per second. */
  readonly medianRate: number
}

/** A daemon that restarts, or a proxy that cuts streams, is back within this time. */
const BROKEN_MS = 1500
/** Without a byte for so long a node is stuck. */
export const STUCK_MS = 30_000
const NO_SOURCE_MS = 5000
const SLOW_SHARE = 0.25
const FULL_SHARE = 0.98

/** Why a node is not well, slow or stuck: the first of what holds it up. Null when nothing does, or when nobody misses it. */
export function nodeTrouble(node: NodeFacts, { now, medianRate }: NodeMoment): NodeTrouble | null {
  // It was drained so that it may go.
  if (node.isDrained) return null
  if (node.state === 'lost')
    return trouble('lost', `It sends no heartbeats; the last one came at ${clockOf(node.lastSeenAt)}.`)
  // One that reported since then lives: something on the way cut the stream.
  const isSilent = node.brokenSince !== undefined && Date.parse(node.lastSeenAt) <= node.brokenSince
  if (node.brokenSince !== undefined && isSilent && now - node.brokenSince >= BROKEN_MS) {
    const since = clockOf(new Date(node.brokenSince).toISOString())
    return trouble('disconnected', `Its connection to the seed broke at ${since}: the daemon or its machine is down.`)
  }
  // Nobody is to reach a node that is in quarantine.
  if (node.state === 'unreachable' && node.mode !== 'quarantined') return trouble('unreachable', node.reachability)
  const failed = node.layers.find(({ state }) => state === 'failed')
  if (failed !== undefined) return trouble('failed', failed.error?.message ?? 'It gave a layer up.')
  const missing = node.layers
  const stillMs = node.stillSince === undefined || missing.length === 0 ? 0 : now - node.stillSince
  if (stillMs >= NO_SOURCE_MS && missing.every(({ peers }) => peers === 0)) {
    return trouble('no-source', 'It is connected to nobody who has what it lacks.')
  }
  if (stillMs >= STUCK_MS) {
    return trouble('stuck', `It has got nothing since ${clockOf(new Date(now - stillMs).toISOString())}.`)
  }
  if (missing.length > 0 && node.downBytesPerSecond > 0 && node.downBytesPerSecond < medianRate * SLOW_SHARE) {
    return trouble('slow', 'It receives less than a quarter of what the node in the middle does.')
  }
  if (node.capacityBytes > 0 && node.usedBytes >= node.capacityBytes * FULL_SHARE) {
    return trouble('full', 'Its layers take all the room that it has for them: what comes next evicts others.')
  }
  return null
}

function trouble(code: NodeTrouble['code'], message: string): NodeTrouble {
  return { code, message: message.slice(0, 1000) }
}

/** 2026-11-22T08:15:09.123Z as 08:15:09 UTC. */
function clockOf(at: string): string {
  return `${at.slice(11, 19)} UTC`
}
