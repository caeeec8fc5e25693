import type { BlockBuffers, Clock, TransferLimits } from '@shoal/core'
import type { AccessRefusal } from './auth/swarm-identity.ts'
import { LaneClient } from './lane/lane-client.ts'
import { createLaneContext } from './lane/lane-context.ts'
import type { LaneClientId } from './lane/lane-greeting.ts'
import { LaneServer } from './lane/lane-server.ts'
import type { LaneUploadFactory } from './lane/lane-upload.ts'
import { LanePool } from './lane-pool.ts'
import type { TurnOrder } from './scheduler/turn-order.ts'
import { isSameRack, type ShoalHello, type SwarmPlace } from './shoal-extension.ts'

/** Between whom payload is encrypted. */
export type SwarmEncryption = 'off' | 'across-racks' | 'all'

export interface SwarmLanesDeps {
  readonly clock: Clock
  readonly buffers: BlockBuffers
  readonly limits: TransferLimits
  /** Of the layers that are given. */
  readonly order: TurnOrder
  /** How a layer is given to who joins it; `undefined` when it is not. */
  readonly upload: (client: LaneClientId, infoHash: string) => LaneUploadFactory | undefined
  /** What who opens a lane says it is, on a wire with us; `undefined` when there is none. */
  readonly wireOf: (client: LaneClientId) => { readonly hello: ShoalHello | undefined } | undefined
  readonly onRefused: (refusal: AccessRefusal) => void
  readonly onFlood: (host: string) => void
}

export interface SwarmLanesOptions {
  readonly peerId: string
  readonly node: string
  readonly place: SwarmPlace
  /** Address to connect from. */
  readonly localHost: string
  /** Whether lanes are those of nodes that proved who they are. */
  readonly isProven: boolean
  readonly encryption: SwarmEncryption
}

/** The lanes of a daemon, in both directions. */
export class SwarmLanes {
  /** Those on which it takes blocks. */
  readonly pool: LanePool
  /** Those on which it gives some. */
  readonly server: LaneServer
  readonly #options: SwarmLanesOptions

  constructor(deps: SwarmLanesDeps, options: SwarmLanesOptions) {
    this.#options = options
    const { clock, limits, order, upload, wireOf, onRefused, onFlood } = deps
    const { peerId, node, localHost, isProven } = options
    const context = createLaneContext(deps)
    this.server = new LaneServer({
      ...{ ...context, limits, order, onFlood },
      resolve: upload,
      auth: isProven
        ? {
            wantsSealed: (client) => {
              const wire = wireOf(client)
              return wire && this.wantsSealed(wire.hello)
            },
            onRefused: (reason, host) => onRefused({ kind: 'lane', reason, address: host, node: null }),
          }
        : undefined,
    })
    this.pool = new LanePool(clock, ({ host, port, token, wantsSealed = false }) => {
      const auth = isProven ? { node, wantsSealed } : undefined
      const lane = new LaneClient(context, { host, port, token, localHost, peerId, auth })
      lane.onRefused = (reason) => onRefused({ kind: 'lane', reason, address: `${host}:${port}`, node: null })
      return lane
    })
  }

  /** Whether payload is to be encrypted between us and somebody there. */
  wantsSealed(other: SwarmPlace | undefined): boolean {
    const { encryption, place } = this.#options
    if (encryption !== 'across-racks') return encryption === 'all'
    return other === undefined || isSameRack(place, other) !== true
  }

  /** Closes those of a peer id at a host, in both directions. */
  closePeer(peerId: string, host: string): void {
    this.server.closeClient(peerId, host)
    this.pool.closePeer(peerId, host)
  }

  closeHost(host: string): void {
    this.pool.closeHost(host)
    this.server.closeHost(host)
  }

  close(): void {
    this.pool.close()
    this.server.close()
  }
}
