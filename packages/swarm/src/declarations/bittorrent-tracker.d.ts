/** The part of bittorrent-tracker 11 that Shoal uses. */
declare module 'bittorrent-tracker' {
  import { EventEmitter } from 'node:events'
  import type { Server as HttpServer } from 'node:http'

  export interface AnnounceParams {
    peer_id: string
    info_hash: string
    ip: string
    port: number
    addr: string
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
    start(): void
    update(): void
    complete(): void
    stop(): void
    setInterval(intervalMs: number): void
    destroy(callback?: (error?: Error) => void): void
  }

  export class Server extends EventEmitter {
    constructor(options: {
      http: boolean
      udp: boolean | object
      ws: false
      stats: false
      interval: number
      peersCacheTtl?: number
      peersCacheLength?: number
      filter: (infoHash: string, params: AnnounceParams, callback: (refusal: Error | null) => void) => void
    })
    readonly http: HttpServer
    readonly udp4: import('node:dgram').Socket
    readonly torrents: Record<string, { complete: number; incomplete: number }>
    listen(
      port: { http: number; udp: number } | number,
      host: { http: string; udp4: string },
      onListening?: () => void,
    ): void
    close(callback: () => void): void
  }
}
