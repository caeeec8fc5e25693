import { Bitfield, blocksOfPiece, type Clock, pieceCount } from '@shoal/core'
import { type OfferClient, OriginOffers } from './scheduler/origin-offers.ts'
import { PieceSet } from './scheduler/piece-set.ts'
import type { SwarmLayer } from './swarm-layer.ts'

/** Pieces that may have become free to choose are looked for this often, beside when something changes. */
const WAKE_MS = 250

/** One lane on which the origin chooses what it sends. */
export class OriginClient {
  readonly offers: OfferClient
  readonly wake: () => void
  /** Blocks of the piece that was chosen last. */
  readonly blocks: number[] = []
  arrivedBlocks = 0

  constructor(offers: OfferClient, wake: () => void) {
    this.offers = offers
    this.wake = wake
  }
}

/** What the origin of one layer sends of its own choice: {@link OriginOffers} in blocks, over all lanes. */
export class OriginUploads {
  readonly #layer: SwarmLayer
  readonly #offers: OriginOffers
  readonly #clients = new Set<OriginClient>()
  #timer: NodeJS.Timeout | undefined

  constructor(layer: SwarmLayer, clock: Clock) {
    this.#layer = layer
    this.#offers = new OriginOffers({ pieceCount: pieceCount(layer.manifest), now: () => clock.now() })
  }

  add(wake: () => void): OriginClient {
    const offers = this.#offers.addClient()
    // How many blocks it takes at once it says on the lane.
    offers.window = Number.POSITIVE_INFINITY
    const client = new OriginClient(offers, wake)
    this.#clients.add(client)
    this.#timer ??= setInterval(() => this.#wakeAll(), WAKE_MS).unref()
    return client
  }

  remove(client: OriginClient): void {
    this.#offers.removeClient(client.offers)
    this.#clients.delete(client)
    if (this.#clients.size === 0) this.close()
    this.#wakeAll()
  }

  /** The client says which pieces it needs. */
  need(client: OriginClient, bitfield: Uint8Array): void {
    const count = pieceCount(this.#layer.manifest)
    client.offers.need = new PieceSet(count, new Bitfield(count, bitfield))
    client.wake()
  }

  /** So many blocks that were chosen for it are there. */
  arrived(client: OriginClient, blocks: number): void {
    const { blockLengthBytes, pieceLengthBytes } = this.#layer.manifest
    client.arrivedBlocks += blocks
    const perPiece = pieceLengthBytes / blockLengthBytes
    const pieces = Math.floor(client.arrivedBlocks / perPiece)
    client.arrivedBlocks -= pieces * perPiece
    if (pieces === 0) return
    this.#offers.arrived(client.offers, pieces)
    this.#wakeAll()
  }

  /** The next block for a client; `undefined` when there is none for it now. */
  choose(client: OriginClient): number | undefined {
    if (client.blocks.length > 0) return client.blocks.shift()
    const piece = this.#offers.choose(client.offers)
    if (piece === undefined) return undefined
    const { first, end } = blocksOfPiece(this.#layer.manifest, piece)
    for (let block = first + 1; block < end; block += 1) client.blocks.push(block)
    return first
  }

  /** Of which part the next piece is that somebody needs and that was given to nobody yet, the head being so many bytes. */
  nextPart(headBytes: number): 'head' | 'rest' | undefined {
    const piece = this.#offers.next()
    if (piece === undefined) return undefined
    return piece * this.#layer.manifest.pieceLengthBytes < headBytes ? 'head' : 'rest'
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #wakeAll(): void {
    for (const client of this.#clients) client.wake()
    // Another one is the first next time.
    const [first] = this.#clients
    if (first === undefined) return
    this.#clients.delete(first)
    this.#clients.add(first)
  }
}
