import { blockCount, blockSize, blocksOfPiece, pieceSize } from '@shoal/core'
import type Wire from 'bittorrent-protocol'
import { PieceFetch } from './piece-fetch.ts'
import type { PieceTransport, TransportEvents } from './piece-transport.ts'
import type { SwarmLayer } from './swarm-layer.ts'

export interface WireTransportDeps {
  readonly layer: SwarmLayer
  readonly wire: Wire
  /** Largest request the other side answers. */
  readonly requestLengthBytes: () => number
}

/** Pieces over the BitTorrent wire (BEP 3): for clients that are not Shoal daemons, and where no lane can be opened. */
export class WireTransport implements PieceTransport {
  readonly #deps: WireTransportDeps
  readonly #events: TransportEvents
  readonly #fetches = new Map<number, PieceFetch>()
  #isClosed = false

  constructor(deps: WireTransportDeps, events: TransportEvents) {
    this.#deps = deps
    this.#events = events
  }

  ask(piece: number): void {
    // What a source that fell silent was asked for is still due.
    if (this.#fetches.has(piece)) return
    const { layer, wire, requestLengthBytes } = this.#deps
    const fetch = new PieceFetch({
      wire,
      piece,
      sizeBytes: pieceSize(layer.manifest, piece),
      requestLengthBytes: requestLengthBytes(),
      onBytes: (bytes) => this.#events.onBytes(bytes),
      onDone: (data) => {
        this.#fetches.delete(piece)
        void this.#pass(piece, data)
      },
      onFail: () => {
        if (this.#fetches.delete(piece)) this.#events.onRefused(piece)
      },
    })
    this.#fetches.set(piece, fetch)
    fetch.start()
  }

  cancel(piece: number): void {
    this.#fetches.get(piece)?.cancel()
    this.#fetches.delete(piece)
  }

  close(): void {
    this.#isClosed = true
    for (const fetch of this.#fetches.values()) fetch.cancel()
    this.#fetches.clear()
  }

  /** Hands on a piece as blocks, as buffers become free. */
  async #pass(piece: number, data: Buffer): Promise<void> {
    const { manifest, buffers } = this.#deps.layer
    const { first, end } = blocksOfPiece(manifest, piece)
    for (let block = first; block < Math.min(end, blockCount(manifest)); block += 1) {
      const size = blockSize(manifest, block)
      const start = (block - first) * manifest.blockLengthBytes
      const buffer = await buffers.acquireWhenFree()
      // Whoever closed it may have ended the layer, too: nothing is written any more.
      if (this.#isClosed) return buffer.release()
      buffer.payload(size).set(data.subarray(start, start + size))
      this.#events.onBlock(block, buffer)
    }
    this.#events.onWhole(piece)
  }
}
