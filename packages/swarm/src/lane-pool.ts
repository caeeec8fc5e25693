import type { Clock } from '@shoal/core'
import type { LaneChannel, LaneChannelEvents, LaneLayer } from './lane/lane-channel.ts'
import type { LaneClient } from './lane/lane-client.ts'

/** A lane that was refused or broke is not dialled again before. */
const RETRY_MS = 10_000
const MAX_REMEMBERED = 2000

export interface LaneTarget {
  readonly peerId: string
  readonly host: string
  readonly port: number
  readonly token: Buffer
}

/** The lanes on which this daemon takes blocks: one for each source, shared by all layers. */
export class LanePool {
  readonly #clock: Clock
  readonly #dial: (target: LaneTarget) => LaneClient
  /** By peer id. */
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
  mayJoin(peerId: string): boolean {
    return this.#clock.now() - (this.#brokenAt.get(peerId) ?? Number.NEGATIVE_INFINITY) >= RETRY_MS
  }

  join(target: LaneTarget, layer: LaneLayer, events: LaneChannelEvents): LaneChannel {
    const { peerId } = target
    let lane = this.#lanes.get(peerId)
    if (lane === undefined) {
      const dialled = this.#dial(target)
      dialled.onClose = () => {
        if (this.#lanes.get(peerId) === dialled) this.#lanes.delete(peerId)
        this.#remember(peerId)
      }
      this.#lanes.set(peerId, dialled)
      lane = dialled
    }
    return lane.join(layer, events)
  }

  closePeer(peerId: string): void {
    this.#lanes.get(peerId)?.close()
  }

  close(): void {
    for (const lane of [...this.#lanes.values()]) lane.close()
  }

  #remember(peerId: string): void {
    this.#brokenAt.delete(peerId)
    this.#brokenAt.set(peerId, this.#clock.now())
    const [oldest] = this.#brokenAt.keys()
    if (this.#brokenAt.size > MAX_REMEMBERED && oldest !== undefined) this.#brokenAt.delete(oldest)
  }
}
