/** The part of bittorrent-dht 11 that Shoal uses. */
declare module 'bittorrent-dht' {
  import { EventEmitter } from 'node:events'

  export class Client extends EventEmitter {
    constructor(options: {
      bootstrap: string[] | false
      host?: string
      /** In place of a datagram socket of its own. */
      socket?: EventEmitter
      /** Announced peers that are kept, in two generations. */
      maxPeers?: number
      maxAge?: number
    })
    /** Without a count, all of a torrent's. */
    readonly _peers: { get(infoHash: string, count?: number): unknown[] }
    readonly nodes: { toArray(): unknown[] }
    readonly destroyed: boolean
    listen(port: number, host: string, onListening: () => void): void
    address(): { address: string; port: number }
    announce(infoHash: string, port: number, callback: (error: Error | null) => void): void
    lookup(infoHash: string, callback: (error: Error | null, nodes?: number) => void): void
    addNode(node: { host: string; port: number }): void
    toJSON(): { nodes: { host: string; port: number }[] }
    destroy(callback: () => void): void
  }
}
