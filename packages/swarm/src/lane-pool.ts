import type { Clock } from '@shoal/core'
import type { LaneChannel, LaneChannelEvents, LaneLayer } from './lane/lane-channel.ts'
import type { LaneClient } from './lane/lane-client.ts'

/** A lane that was refused or broke is not dialled again before. */
const RETRY_MS = 10_000
const MAX_REMEMBERED = 2000
/** Whoever connects anew under another name each time must not use up our files. */
const MAX_LANES = 1024

export interface LaneTarget {
  readonly peerId: string
  readonly host: string
  readonly port: number
  readonly token: Buffer
  /** Whether payload has to come encrypted. */
  readonly wantsSealed?: boolean
}

/** The lanes on which this daemon takes blocks: one for each source, shared by all layers. */
export class LanePool {
  readonly #clock: Clock
  readonly #dial: (target: LaneTarget) => LaneClient
  /** By peer id and address: anybody may claim anybody's peer id, and must not be taken for it. */
  readonly #lanes = new Map<string, LaneClient>()
  readonly #brokenAt = new Map<string, number>()

  constructor(clock: Clock, dial: (target: LaneTarget) => LaneClient) {
    this.#clock = clock
    this.#dial = dial
  }

  get count(): number {
    return this.#lanes.size
  }

  /** Whether a lane to this source may be tried. */
  mayJoin(target: LaneTarget): boolean {
    const key = keyOf(target)
    if (this.#lanes.size >= MAX_LANES && !this.#lanes.has(key)) return false
    return this.#clock.now() - (this.#brokenAt.get(key) ?? Number.NEGATIVE_INFINITY) >= RETRY_MS
  }

  join(target: LaneTarget, layer: LaneLayer, events: LaneChannelEvents): LaneChannel {
    const key = keyOf(target)
    let lane = this.#lanes.get(key)
    if (lane === undefined) {
      const dialled = this.#dial(target)
      dialled.onClose = () => {
        if (this.#lanes.get(key) === dialled) this.#lanes.delete(key)
        if (!dialled.wasIdle) this.#remember(key)
      }
      this.#lanes.set(key, dialled)
      lane = dialled
    }
    return lane.join(layer, events)
  }

  /** Closes the lanes to a host. */
  closeHost(host: string): void {
    for (const [key, lane] of [...this.#lanes]) if (key.endsWith(`@${host}`)) lane.close()
  }

  /** Closes the lanes to a peer id at a host. */
  closePeer(peerId: string, host: string): void {
    for (const [key, lane] of [...this.#lanes]) {
      if (key.startsWith(`${peerId}:`) && key.endsWith(`@${host}`)) lane.close()
    }
  }

  close(): void {
    for (const lane of [...this.#lanes.values()]) lane.close()
  }

  #remember(key: string): void {
    this.#brokenAt.delete(key)
    this.#brokenAt.set(key, this.#clock.now())
    const [oldest] = this.#brokenAt.keys()
    if (this.#brokenAt.size > MAX_REMEMBERED && oldest !== undefined) this.#brokenAt.delete(oldest)
  }
}

function keyOf({ peerId, port, host }: LaneTarget): string {
  return `${peerId}:${port}@${host}`
}
