import type { Socket } from 'node:net'
import type { BlockBuffers, TransferLimits } from '@shoal/core'
import { plainHost } from '../plain-host.ts'
import type { TurnOrder } from '../scheduler/turn-order.ts'
import type { HaveTimer } from './have-queue.ts'
import { decodeLanePreamble, LANE_PREAMBLE_BYTES } from './lane-preamble.ts'
import { LaneTokens } from './lane-tokens.ts'
import type { LaneUploadFactory } from './lane-upload.ts'
import type { LaneWatch } from './lane-watch.ts'
import { SendTurns } from './send-turns.ts'
import { ServerLane } from './server-lane.ts'

const MAX_LANES = 1024
const MAX_LANES_PER_HOST = 64

export interface LaneServerDeps {
  readonly limits: TransferLimits
  readonly buffers: BlockBuffers
  readonly watch: LaneWatch
  readonly haveTimer: HaveTimer
  /** Of the layers that are given. */
  readonly order: TurnOrder
  /** Whether and how a layer is given to this client; asked for each JOIN. */
  readonly resolve: (peerId: string, host: string, infoHash: string) => LaneUploadFactory | undefined
  /** What tokens are made with; default is random. */
  readonly secret?: Buffer
}

interface Accepted {
  readonly lane: ServerLane
  readonly host: string
}

/** The sending end of all lanes of a daemon. */
export class LaneServer {
  readonly #deps: LaneServerDeps
  readonly #tokens: LaneTokens
  readonly #turns: SendTurns
  /** By peer id and host: anybody may claim anybody's peer id, which must not cost the one who has it its lane. */
  readonly #lanes = new Map<string, Accepted>()
  #isClosed = false

  constructor(deps: LaneServerDeps) {
    this.#deps = deps
    this.#tokens = new LaneTokens(deps.secret)
    this.#turns = new SendTurns({ limits: deps.limits, order: deps.order }, deps.buffers.count)
  }

  get laneCount(): number {
    return this.#lanes.size
  }

  /** What this peer id has to present; 40 hexadecimal digits. */
  token(peerId: string): Buffer {
    return this.#tokens.of(peerId)
  }

  /** Takes a connection that began with `first`: at least the preamble, and what came with it. */
  accept(socket: Socket, first: Buffer): void {
    socket.on('error', () => {})
    const preamble = decodeLanePreamble(first)
    const host = plainHost(socket.remoteAddress ?? '')
    if (preamble === undefined || host === '' || !this.#tokens.isValid(preamble.peerId, preamble.token)) {
      socket.destroy()
      return
    }
    const { peerId } = preamble
    const key = `${peerId}@${host}`
    // Whoever connects again has lost the older one.
    this.#lanes.get(key)?.lane.close()
    if (this.#isClosed || !this.#isRoom(host)) {
      socket.destroy()
      return
    }
    const { limits, watch, haveTimer, resolve } = this.#deps
    const lane = new ServerLane(
      {
        limits,
        turns: this.#turns,
        watch,
        haveTimer,
        resolve: (infoHash) => resolve(peerId, host, infoHash),
        onClose: () => this.#lanes.delete(key),
      },
      socket,
    )
    this.#lanes.set(key, { lane, host })
    lane.start(first.subarray(LANE_PREAMBLE_BYTES))
  }

  closeHost(host: string): void {
    for (const accepted of [...this.#lanes.values()]) if (accepted.host === host) accepted.lane.close()
  }

  close(): void {
    this.#isClosed = true
    for (const { lane } of [...this.#lanes.values()]) lane.close()
  }

  #isRoom(host: string): boolean {
    let fromHost = 0
    for (const accepted of this.#lanes.values()) if (accepted.host === host) fromHost += 1
    return this.#lanes.size < MAX_LANES && fromHost < MAX_LANES_PER_HOST
  }
}
