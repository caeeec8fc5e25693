import { once } from 'node:events'
import { errorMessage, type Logger } from '@shoal/core'
import { Server } from 'bittorrent-tracker'
import { swarmError } from './errors.ts'

export interface TrackerOptions {
  readonly host: string
  /** Port of both the HTTP and the UDP tracker; 0 takes free ones. */
  readonly port: number
  /** Host name or address that announce URLs show; default is `host`. */
  readonly advertiseHost?: string
  readonly announceIntervalMs: number
  /** Whether a swarm is ours: announces for any other info hash (hexadecimal) are refused. */
  readonly allows: (infoHash: string) => boolean
  /** The `host:port` a registered daemon wants to be found at, by its peer id; `undefined` keeps what was announced. */
  readonly advertised: (peerId: string) => string | undefined
}

export interface Tracker {
  /** Starts listening; resolves with the announce URLs, HTTP first. Throws `SHOAL_TRACKER_LISTEN`. */
  start(): Promise<string[]>
  stop(): Promise<void>
  /** How many peers are in the swarms now. */
  peers(): number
}

/** The swarm's tracker over HTTP (BEP 3, BEP 23) and UDP (BEP 15). */
export function createTracker(deps: { logger: Logger }, options: TrackerOptions): Tracker {
  const server = new Server({
    http: true,
    udp: true,
    ws: false,
    stats: false,
    interval: options.announceIntervalMs,
    // A peer that missed three announces is no longer handed out; the library's own limit is 20 minutes.
    peersCacheTtl: options.announceIntervalMs * 3,
    peersCacheLength: 10_000,
    filter: (infoHash, params, callback) => {
      if (!options.allows(infoHash)) return callback(new Error('this tracker does not know the torrent'))
      const advertised = options.advertised(params.peer_id)
      const colon = advertised?.lastIndexOf(':') ?? -1
      if (advertised !== undefined && colon > 0) {
        params.ip = advertised.slice(0, colon)
        params.port = Number(advertised.slice(colon + 1))
        params.addr = advertised
      }
      callback(null)
    },
  })
  server.on('warning', (error) => deps.logger.debug({ error }, 'tracker refused a request'))
  server.on('error', (error) => deps.logger.warn({ error }, 'tracker failed'))
  // The library would bind UDP on every IPv6 address; Shoal listens where it is told only.
  const unused = server as unknown as { udp6: { close(): void } | null }
  unused.udp6?.close()
  unused.udp6 = null

  return {
    async start() {
      const { host, port, advertiseHost = host } = options
      try {
        server.http.listen(port, host)
        await once(server.http, 'listening')
        const bound = server.http.address()
        const httpPort = typeof bound === 'object' && bound !== null ? bound.port : port
        server.udp4.bind(httpPort, host)
        await once(server.udp4, 'listening')
        return [`http://${advertiseHost}:${httpPort}/announce`, `udp://${advertiseHost}:${httpPort}`]
      } catch (error) {
        throw swarmError('SHOAL_TRACKER_LISTEN', { address: `${host}:${port}`, reason: errorMessage(error) }, error)
      }
    },
    async stop() {
      server.http.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
    peers() {
      return Object.values(server.torrents).reduce((sum, swarm) => sum + swarm.complete + swarm.incomplete, 0)
    },
  }
}
