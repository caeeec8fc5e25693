/** The part of bittorrent-tracker 11 that Shoal uses. */
declare module 'bittorrent-tracker' {
  import type { RemoteInfo, Socket } from 'node:dgram'
  import { EventEmitter } from 'node:events'
  import type { Server as HttpServer, IncomingMessage, ServerOptions, ServerResponse } from 'node:http'

  export interface AnnounceParams {
    type: 'http' | 'udp'
    /** In hexadecimal. */
    peer_id: string
    info_hash: string
    /** `update` for announces without an event. */
    event: string
    ip: string
    port: number
    left: number
    numwant: number
    /** 0 and 1 make the server encode the peers of the response. */
    compact: number
    /** Ours; twice in one request it is a list. */
    shoal_auth?: unknown
  }

  export interface ScrapeParams {
    type: 'http' | 'udp'
    info_hash?: string[]
  }

  export interface ScrapeResponse {
    action: number
    /** By info hash, each character one byte. */
    files: Record<string, object> | Map<Uint8Array, object>
    flags: object
  }

  type Answer = (error: Error | null, response?: object) => void

  /** A swarm as the server needs it. */
  export interface SwarmTable {
    announce(params: AnnounceParams, answer: Answer): void
    scrape(params: ScrapeParams, answer: Answer): void
  }

  /** One announce URL of a client. Each sets its interval to what its tracker answers, whatever that is. */
  export interface AnnouncedTracker {
    readonly announceUrl: string
    /** What else is in here becomes parameters over HTTP. */
    announce(opts: { left: number; event?: string; shoal_auth?: string }): void
    setInterval(intervalMs?: number): void
  }

  /** One that is asked over HTTP. */
  export interface HttpTracker extends AnnouncedTracker {
    readonly destroyed: boolean
    cleanupFns: (() => void)[]
    maybeDestroyCleanup: (() => void) | null
    _request(
      url: string,
      params: Record<string, unknown>,
      callback: (error: Error | null, answer?: object) => void,
    ): void
  }

  export class Client extends EventEmitter {
    constructor(options: {
      infoHash: string
      peerId: string
      announce: string[]
      port: number
      wrtc: false
      userAgent?: string
      getAnnounceOpts?: () => { uploaded: number; downloaded: number; left: number; numwant?: number }
    })
    readonly _trackers: AnnouncedTracker[]
    start(): void
    update(): void
    complete(): void
    stop(): void
    scrape(): void
    setInterval(intervalMs: number): void
    destroy(callback?: (error?: Error) => void): void
  }

  export class Server extends EventEmitter {
    constructor(options: {
      http: ServerOptions
      udp: boolean
      ws: false
      stats: false
      interval: number
      filter: (infoHash: string, params: AnnounceParams, callback: (refusal: Error | null) => void) => void
    })
    readonly http: HttpServer
    /** `null` without UDP. */
    readonly udp4: Socket | null
    udp6: Socket | null
    getSwarm(infoHash: string, callback: (error: Error | null, swarm?: SwarmTable) => void): void
    onUdpRequest(message: Buffer, sender: RemoteInfo): void
    onHttpRequest(request: IncomingMessage, response: ServerResponse): void
    _onScrape(params: ScrapeParams, callback: (error: Error | null, response?: ScrapeResponse) => void): void
    close(callback: () => void): void
  }
}
