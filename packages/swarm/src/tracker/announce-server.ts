import type { RemoteInfo } from 'node:dgram'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  boundConnections,
  type Clock,
  type ConnectionLimits,
  plainAddress,
  type SourceRateLimits,
  SourceRates,
} from '@shoal/core'
import { type AnnounceParams, type ScrapeParams, type ScrapeResponse, Server } from 'bittorrent-tracker'
import { HAND_OUT } from './hand-out.ts'
import type { TrackerAnswer } from './tracker-table.ts'
import { UdpConnectionIds } from './udp-connection-ids.ts'

/** What the bounds of a tracker turn away. */
export type TrackerFlood = 'announce' | 'tracker-connection'

/** What stands behind the server. */
export interface AnnounceHandler {
  /** Whether there is such a swarm, by info hash in hexadecimal. */
  allows(infoHash: string): boolean
  /** `undefined` when the peer is announced by another host already, or the announce is no node's. */
  announce(infoHash: string, request: AnnounceRequest): TrackerAnswer | undefined
  scrape(infoHash: string): { complete: number; incomplete: number }
}

export interface AnnounceRequest {
  readonly event: 'started' | 'update' | 'completed' | 'stopped'
  /** In hexadecimal. */
  readonly peerId: string
  /** Where the announce came from. */
  readonly sourceIp: string
  readonly port: number
  readonly leftKib: number
  readonly wanted: number
  /** As it was said; over UDP it is not known so exactly. */
  readonly leftBytes: number
  /** The parameter `shoal_auth`, if any. */
  readonly proof: unknown
}

/** Fields of a UDP request (BEP 15). */
const UDP = {
  magic: Buffer.from('0000041727101980', 'hex'),
  headBytes: 16,
  announceBytes: 98,
  connect: 0,
  announce: 1,
  error: 3,
  left: 64,
  ip: 84,
} as const

/** A peer is back after many seconds: connections that wait for it are of no use. */
const HTTP = {
  ...{ keepAliveTimeout: 1000, requestTimeout: 10_000 },
  ...{ connectionsCheckingInterval: 2000, maxHeaderSize: 16 * 1024 },
}
const CONNECTIONS: ConnectionLimits = { total: 4096, perAddress: 2048, unused: 1024, headersTimeoutMs: 10_000 }
/** What all peers together announce at most, several times over; many nodes may share an address. */
export const TRACKER_RATES: SourceRateLimits = { perSource: 1000, total: 4000 }
/** The library encodes peers for 0 and 1; for others it passes on what it is given, which is compact already (BEP 23 allows it). */
const AS_GIVEN = 2
const MAX_LEFT_KIB = 2 ** 31 - 1

/** The library's HTTP and UDP front with a table of ours behind it, and with what it leaves open on either side closed. */
export class AnnounceServer extends Server {
  readonly #handler: AnnounceHandler
  readonly #connectionIds: UdpConnectionIds
  readonly #rates: SourceRates
  readonly #onFlood: (what: TrackerFlood, address: string) => void
  readonly #isClosed: boolean

  /** A closed one takes announces over HTTP alone, which have room for a proof, and tells nobody how many peers there are. */
  constructor(
    handler: AnnounceHandler,
    clock: Clock,
    {
      isClosed = false,
      onFlood = () => {},
    }: { isClosed?: boolean; onFlood?: (what: TrackerFlood, address: string) => void } = {},
  ) {
    super({
      http: HTTP,
      udp: !isClosed,
      ws: false,
      stats: false,
      // The least time between two scrapes; announces are told theirs one by one.
      interval: 30_000,
      filter: (infoHash, _params, callback) =>
        callback(handler.allows(infoHash) ? null : new Error('this tracker does not know the torrent')),
    })
    this.#handler = handler
    this.#connectionIds = new UdpConnectionIds(clock)
    this.#isClosed = isClosed
    this.#onFlood = onFlood
    this.#rates = new SourceRates(clock, TRACKER_RATES)
    boundConnections(this.http, (address = '') => onFlood('tracker-connection', address), CONNECTIONS)
    // The library would bind UDP on every IPv6 address; Shoal listens where it is told only.
    this.udp6?.close()
    this.udp6 = null
  }

  /** The library's hook for other tables. Its own list of swarms stays empty: a scrape that names none learns of none. */
  override getSwarm(infoHash: string, callback: Parameters<Server['getSwarm']>[1]): void {
    process.nextTick(() => {
      callback(null, {
        announce: (params, answer) => {
          const event = eventOf(params.event)
          if (event === undefined) return answer(new Error('invalid event'))
          // The library takes 0.4 for a port.
          if (!Number.isInteger(params.port)) return answer(new Error('invalid port'))
          const answered = this.#handler.announce(infoHash, requestOf(event, params))
          if (answered === undefined) return answer(new Error('this is not yours to announce'))
          const { intervalSeconds, complete, incomplete, peers } = answered
          params.compact = AS_GIVEN
          const compact = peers.map((peer) => peer.compact)
          const peers6 = Buffer.concat(compact.filter((bytes) => bytes.length > 6))
          answer(null, {
            ...{ interval: intervalSeconds, complete, incomplete },
            peers: Buffer.concat(compact.filter((bytes) => bytes.length === 6)),
            ...(peers6.length === 0 ? {} : { peers6 }),
          })
        },
        scrape: (_params, answer) => {
          if (this.#isClosed) answer(new Error('this tracker answers nodes only'))
          else answer(null, this.#handler.scrape(infoHash))
        },
      })
    })
  }

  /** The library bencodes info hashes as text, in which bytes over 127 become two. */
  override _onScrape(params: ScrapeParams, callback: (error: Error | null, response?: ScrapeResponse) => void): void {
    super._onScrape(params, (error, response) => {
      if (error !== null || response === undefined || params.type !== 'http') return callback(error, response)
      const files = Object.entries(response.files).map(([key, file]) => [Buffer.from(key, 'latin1'), file] as const)
      callback(null, { ...response, files: new Map(files) })
    })
  }

  /** Who asks too often is not looked at until the next second. */
  override onHttpRequest(request: IncomingMessage, response: ServerResponse): void {
    const address = plainAddress(request.socket.remoteAddress)
    if (this.#rates.take(address)) super.onHttpRequest(request, response)
    else {
      this.#onFlood('announce', address)
      response.writeHead(429, { connection: 'close' }).end()
    }
  }

  /** The library takes any sender's word for its address and gives everybody the same connection id. */
  override onUdpRequest(message: Buffer, sender: RemoteInfo): void {
    const { address, port } = sender
    if (!this.#rates.take(address)) {
      this.#onFlood('announce', address)
      return
    }
    if (message.length < UDP.headBytes) return
    const id = message.subarray(0, 8)
    const action = message.readUInt32BE(8)
    const transaction = message.subarray(12, UDP.headBytes)
    if (action === UDP.connect) {
      if (id.equals(UDP.magic))
        this.#reply(sender, [uint32(UDP.connect), transaction, this.#connectionIds.issue(address, port)])
      return
    }
    if (!this.#connectionIds.accepts(id, address, port)) {
      this.#reply(sender, [uint32(UDP.error), transaction, Buffer.from('connect again')])
      return
    }
    UDP.magic.copy(message)
    if (action === UDP.announce) {
      if (message.length < UDP.announceBytes) return
      message.writeUInt32BE(0, UDP.ip)
      // The library reads numbers over 2 GiB wrongly, even as nought.
      const leftKib = (message.readBigUInt64BE(UDP.left) + 1023n) >> 10n
      message.writeBigUInt64BE(leftKib > MAX_LEFT_KIB ? BigInt(MAX_LEFT_KIB) : leftKib, UDP.left)
    }
    super.onUdpRequest(message, sender)
  }

  #reply({ address, port }: RemoteInfo, parts: readonly Uint8Array[]): void {
    this.udp4?.send(Buffer.concat(parts), port, address, (error) => {
      if (error !== null) this.emit('warning', error)
    })
  }
}

function eventOf(event: string): AnnounceRequest['event'] | undefined {
  // A peer that fetches only a part says so (BEP 21).
  if (event === 'paused') return 'update'
  return (['started', 'update', 'completed', 'stopped'] as const).find((known) => known === event)
}

function requestOf(event: AnnounceRequest['event'], params: AnnounceParams): AnnounceRequest {
  const { left } = params
  return {
    event,
    peerId: params.peer_id,
    sourceIp: params.ip,
    port: params.port,
    // Over UDP it is in KiB already.
    leftKib: params.type === 'udp' ? left : Math.min(MAX_LEFT_KIB, Math.ceil(Math.abs(left) / 1024)),
    wanted: params.numwant > 0 ? params.numwant : HAND_OUT.maxAnswer,
    leftBytes: Number.isSafeInteger(left) && left >= 0 ? left : 0,
    proof: params.shoal_auth,
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
