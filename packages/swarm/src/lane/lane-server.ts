import type { Socket } from 'node:net'
import type { BlockBuffers, TransferLimits } from '@shoal/core'
import { plainHost } from '../plain-host.ts'
import type { TurnOrder } from '../scheduler/turn-order.ts'
import type { HaveTimer } from './have-queue.ts'
import { LANE_GREETING_BYTES, type LaneClientId, nodeIdOf } from './lane-greeting.ts'
import { decodeLanePreamble, LANE_PREAMBLE_BYTES } from './lane-preamble.ts'
import { type LaneAuth, LaneReception, type OpenedLane } from './lane-reception.ts'
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
  readonly resolve: (client: LaneClientId, infoHash: string) => LaneUploadFactory | undefined
  /** With it lanes are those of nodes that proved who they are, and no others. */
  readonly auth?: LaneAuth | undefined
  /** Told of lanes of a host that were too many, or were closed because of what came on them. */
  readonly onFlood?: (host: string) => void
  /** What tokens are made with; default is random. */
  readonly secret?: Buffer
}

interface Accepted {
  readonly lane: ServerLane
  readonly client: LaneClientId
}

/** The sending end of all lanes of a daemon. */
export class LaneServer {
  readonly #deps: LaneServerDeps
  readonly #tokens: LaneTokens
  readonly #turns: SendTurns
  /** By peer id and host: anybody may claim anybody's peer id, which must not cost the one who has it its lane. */
  readonly #lanes = new Map<string, Accepted>()
  readonly #reception: LaneReception | undefined
  #isClosed = false

  constructor(deps: LaneServerDeps) {
    this.#deps = deps
    this.#tokens = new LaneTokens(deps.secret)
    this.#turns = new SendTurns({ limits: deps.limits, order: deps.order }, deps.buffers.count)
    if (deps.auth !== undefined) {
      const { auth, onFlood = () => {} } = deps
      this.#reception = new LaneReception({ auth, onFlood, tokens: this.#tokens }, (client, socket, opened) => {
        this.#open(client, socket, opened)
      })
    }
  }

  get laneCount(): number {
    return this.#lanes.size
  }

  /** How many bytes a lane begins with. */
  get greetingBytes(): number {
    return this.#reception === undefined ? LANE_PREAMBLE_BYTES : LANE_GREETING_BYTES
  }

  /** What this peer id (40 hexadecimal digits) has to present, or to know where a node proved to have it. */
  token(peerId: string, node?: string): Buffer {
    return node === undefined ? this.#tokens.of(peerId) : this.#tokens.ofNode(peerId, nodeIdOf(node))
  }

  /** Takes a connection that began with `first`: at least {@link greetingBytes}, and what came with them. */
  accept(socket: Socket, first: Buffer): void {
    socket.on('error', () => {})
    const host = plainHost(socket.remoteAddress ?? '')
    if (host === '' || this.#isClosed) {
      socket.destroy()
      return
    }
    if (this.#reception !== undefined) {
      this.#reception.accept(socket, host, first)
      return
    }
    const preamble = decodeLanePreamble(first)
    if (preamble === undefined || !this.#tokens.isValid(preamble.peerId, preamble.token)) {
      socket.destroy()
      return
    }
    const client = { peerId: preamble.peerId, host, nodeId: undefined }
    this.#open(client, socket, { first: first.subarray(LANE_PREAMBLE_BYTES) })
  }

  #open(client: LaneClientId, socket: Socket, { first, ...records }: OpenedLane): void {
    const { onFlood } = this.#deps
    const key = `${client.peerId}${client.nodeId ?? ''}@${client.host}`
    // Whoever connects again has lost the older one.
    this.#lanes.get(key)?.lane.close()
    const isRoom = this.#isRoom(client.host)
    if (!isRoom) onFlood?.(client.host)
    if (this.#isClosed || !isRoom) {
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
        resolve: (infoHash) => resolve(client, infoHash),
        onClose: () => this.#lanes.delete(key),
        onMalformed: () => onFlood?.(client.host),
        ...records,
      },
      socket,
    )
    this.#lanes.set(key, { lane, client })
    lane.start(first)
  }

  /** Closes the lanes of a peer id at a host. */
  closeClient(peerId: string, host: string): void {
    for (const { lane, client } of [...this.#lanes.values()]) {
      if (client.peerId === peerId && client.host === host) lane.close()
    }
  }

  closeHost(host: string): void {
    for (const accepted of [...this.#lanes.values()]) if (accepted.client.host === host) accepted.lane.close()
  }

  close(): void {
    this.#isClosed = true
    this.#reception?.close()
    for (const { lane } of [...this.#lanes.values()]) lane.close()
  }

  #isRoom(host: string): boolean {
    let fromHost = 0
    for (const accepted of this.#lanes.values()) if (accepted.client.host === host) fromHost += 1
    return this.#lanes.size < MAX_LANES && fromHost < MAX_LANES_PER_HOST
  }
}
