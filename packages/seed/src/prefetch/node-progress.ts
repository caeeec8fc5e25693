import type { ErrorBody, Inventory, LayerInventory, PlanNodeState } from '@shoal/api'
import type { Digest } from '@shoal/core'

/** The rate of a node is an average over about so long: heartbeats come every few seconds. */
const RATE_MS = 10_000
/** An average never gets to nought by itself; less than this is nothing. Bytes per second. */
const LEAST_RATE = 1

/** Whether a node can be spoken with. */
export type Presence = 'here' | 'unreachable' | 'lost' | 'excluded'

/** How far one node is with what a plan wants of it. */
export class NodeProgress {
  wantedBytes = 0
  presentBytes = 0
  bytesPerSecond = 0
  presence: Presence = 'here'
  error: ErrorBody | null = null
  /** When it first could not take something, of the failure that holds now. Unix time in milliseconds. */
  failedAt: number | null = null
  readyAt: number | null = null
  /** Peers connected for layers that are not complete. */
  peers = 0
  /** Layers that are not complete, as the node told of them. */
  readonly missing = new Set<Digest>()
  /** Of each layer that is wanted, what is there. Bytes. */
  readonly presentOf = new Map<Digest, number>()
  #isFetching = false
  #reportedAt: number | null = null
  /** When an earlier run saw it ready. */
  #readyBefore: number | null

  constructor(readyBefore: number | null = null) {
    this.#readyBefore = readyBefore
  }

  get state(): PlanNodeState {
    if (this.readyAt !== null) return 'ready'
    if (this.presence === 'excluded') return 'excluded'
    if (this.failedAt !== null) return 'failed'
    return this.#isFetching ? 'fetching' : 'waiting'
  }

  /** Takes in what it holds of the layers that are wanted, with their sizes in bytes, and which of them it is not asked for any more. */
  update(
    layers: Iterable<readonly [Digest, number]>,
    held: ReadonlyMap<string, LayerInventory>,
    { nowMs, isEnded }: { nowMs: number; isEnded: (layer: Digest) => boolean },
  ): void {
    const before = this.presentBytes
    this.wantedBytes = 0
    this.presentBytes = 0
    this.peers = 0
    this.missing.clear()
    this.presentOf.clear()
    this.#isFetching = false
    let error: ErrorBody | null = null
    let isFailed = false
    for (const [layer, sizeBytes] of layers) {
      const has = held.get(layer)
      this.wantedBytes += sizeBytes
      if (has?.state === 'complete') {
        this.presentBytes += sizeBytes
        this.presentOf.set(layer, sizeBytes)
        continue
      }
      this.missing.add(layer)
      const presentBytes = Math.min(has?.presentBytes ?? 0, sizeBytes)
      this.presentBytes += presentBytes
      this.presentOf.set(layer, presentBytes)
      this.peers += has?.peers ?? 0
      if (has?.state === 'fetching') this.#isFetching = true
      if (has?.state === 'failed' || has?.state === 'evicted' || isEnded(layer)) isFailed = true
      error ??= has?.error ?? null
    }
    this.error = error
    // Not in the future, where it would be when the clock was set back.
    this.failedAt = isFailed ? Math.min(this.failedAt ?? nowMs, nowMs) : null
    if (this.missing.size === 0) this.readyAt ??= this.#readyBefore ?? nowMs
    else {
      this.readyAt = null
      this.#readyBefore = null
    }
    this.#measure(before, nowMs)
  }

  /** What is left at the present rate. Milliseconds; null: nobody knows. */
  get remainingMs(): number | null {
    if (this.readyAt !== null) return 0
    if (this.bytesPerSecond <= 0) return null
    return ((this.wantedBytes - this.presentBytes) / this.bytesPerSecond) * 1000
  }

  #measure(before: number, nowMs: number): void {
    const since = this.#reportedAt
    this.#reportedAt = nowMs
    if (this.readyAt !== null) this.bytesPerSecond = 0
    else if (since !== null && nowMs > since) {
      const rate = (Math.max(0, this.presentBytes - before) / (nowMs - since)) * 1000
      const share = 1 - Math.exp((since - nowMs) / RATE_MS)
      this.bytesPerSecond += (rate - this.bytesPerSecond) * share
      if (this.bytesPerSecond < LEAST_RATE) this.bytesPerSecond = 0
    }
  }
}

/** What a node holds, by layer. */
export function heldLayers(inventory: Inventory | null): ReadonlyMap<string, LayerInventory> {
  return new Map((inventory?.layers ?? []).map((layer) => [layer.digest, layer]))
}
