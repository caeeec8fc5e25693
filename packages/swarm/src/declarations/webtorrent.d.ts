/** The part of webtorrent 3.0.21 that Shoal uses, with the internals it takes over (see quiet-torrent.ts). */
declare module 'webtorrent' {
  import type { EventEmitter } from 'node:events'
  import type { Socket } from 'node:net'
  import type Wire from 'bittorrent-protocol'

  export interface WebTorrentOptions {
    peerId?: string
    /** Passed on to `net.Server.listen`, so an object binds one address. */
    torrentPort?: number | { host: string; port: number }
    maxConns?: number
    utp?: boolean
    dht?: false
    tracker?: false
    lsd?: boolean
    utPex?: boolean
    natUpnp?: boolean
    natPmp?: boolean
    webSeeds?: boolean
    secure?: 0 | 1 | 2
  }

  export interface TorrentOptions {
    skipVerify?: boolean
    deselect?: boolean
    storeCacheSlots?: number
    preloadedStore?: ChunkStore
    uploads?: number | false
    noPeersIntervalTime?: number
  }

  /** What parse-torrent makes of a torrent file. */
  export interface ParsedTorrent {
    readonly infoHash: string
    readonly info: object
    readonly name: string
    readonly private: boolean
    readonly announce: readonly string[]
    readonly urlList: readonly string[]
    readonly files: readonly object[]
    readonly length: number
    readonly pieceLength: number
    readonly lastPieceLength: number
    readonly pieces: readonly string[]
  }

  export interface ChunkStore {
    readonly chunkLength: number
    get(index: number, options: unknown, callback: (error: Error | null, data?: Uint8Array) => void): void
    put(index: number, data: Uint8Array, callback: (error: Error | null) => void): void
    close(callback: (error: Error | null) => void): void
    destroy(callback: (error: Error | null) => void): void
  }

  /** A connected socket that webtorrent takes as a peer: `id` is its address. */
  export type PeerSocket = Socket & { id: string; connected: true }

  export interface Torrent extends EventEmitter {
    readonly infoHash: string
    readonly destroyed: boolean
    readonly ready: boolean
    addPeer(peer: PeerSocket): boolean
    destroy(options: object, callback: (error?: Error) => void): void
    _rarityMap: { destroy(): void }
    _peers: Map<string, EventEmitter & { wire: Wire | null; conn: Socket | null }>
    _onWireWithMetadata(wire: Wire): void
    _update(): void
    _updateInterest(): void
    _updateSelections(): void
    _updateWireInterest(wire: Wire): void
    _rechoke(): void
  }

  export default class WebTorrent extends EventEmitter {
    constructor(options: WebTorrentOptions)
    readonly peerId: string
    readonly listening: boolean
    readonly torrents: Torrent[]
    readonly _connPool: import('../bound-handshakes.ts').ConnectionPool
    address(): { address: string; port: number } | null
    add(torrent: Uint8Array | ParsedTorrent, options: TorrentOptions, onReady?: (torrent: Torrent) => void): Torrent
    destroy(callback: (error?: Error) => void): void
  }
}
