import { PieceSet } from './piece-set.ts'

/** A piece given out is not given again so long, nor in so many times what one takes to arrive: whoever got it passes it on. */
const REPEAT_FACTOR = 4
const MIN_REPEAT_MS = 2000
/** ... whatever clients say: one that is slow to tell must not keep a piece from the others. */
const MAX_REPEAT_MS = 10_000
/** Pieces on their way at once, as time at the rate at which they arrive: enough for any round trip, little to wait behind. */
const PIPELINE_MS = 100
/** ... and at least so many, unless they would take longer than this: a piece that takes seconds is one that nobody can pass on. */
const AMPLE_ON_THE_WAY = 14
const AMPLE_PIPELINE_MS = 600
const MAX_ON_THE_WAY = 64
/** ... at first, and one more with each that arrived: the sooner the first ones are there, the sooner they are passed on. */
const FIRST_ON_THE_WAY = 4
/** ... to one client. */
const MIN_SHARE = 1
/** The rate at which pieces arrive is counted over so long. */
const RATE_MS = 500
/** A piece that was not acknowledged for so long holds up nobody else any more, and after this time not even who got it. */
const LOST_MS = 1000
const FORGOTTEN_MS = 10_000

/** One peer that lets the origin choose. */
export interface OfferClient {
  /** Pieces it lacks and sees nobody for. */
  need: PieceSet
  /** How many it takes at once. */
  window: number
  /** When each piece on its way to it was sent, oldest first. */
  readonly onTheWay: number[]
}

/**
 * What the origin gives to peers that let it choose: each piece to one peer, which passes it on. So each piece leaves the origin
 * about once (compare super-seeding, BEP 16, which does so by lying about what it has). It keeps no account of who holds what: a piece
 * that was given out and that peers still need a while later is given again.
 */
export class OriginOffers {
  readonly #now: () => number
  readonly #pieceCount: number
  /** When each piece was given last; 0 for never. */
  readonly #givenAt: Float64Array
  readonly #never: PieceSet
  readonly #clients = new Set<OfferClient>()
  #onTheWay = 0
  #arrivals = 0
  #arrivalsSince = 0
  #limit = AMPLE_ON_THE_WAY
  /** The limit while it begins. */
  #firstLimit = FIRST_ON_THE_WAY
  /** From giving a piece until it arrived; long, until some have. */
  #usualMs = MAX_REPEAT_MS / REPEAT_FACTOR

  constructor(options: { pieceCount: number; now: () => number }) {
    this.#now = options.now
    this.#pieceCount = options.pieceCount
    this.#givenAt = new Float64Array(options.pieceCount)
    this.#never = new PieceSet(options.pieceCount)
    for (let piece = 0; piece < options.pieceCount; piece += 1) this.#never.add(piece)
  }

  addClient(): OfferClient {
    const client: OfferClient = { need: new PieceSet(this.#pieceCount), window: 0, onTheWay: [] }
    this.#clients.add(client)
    return client
  }

  removeClient(client: OfferClient): void {
    if (this.#clients.delete(client)) this.#onTheWay -= client.onTheWay.splice(0).length
  }

  /** The client has `count` more of the pieces that were given to it. */
  arrived(client: OfferClient, count: number): void {
    const sentAt = client.onTheWay.splice(0, count)
    const arrived = sentAt.length
    this.#onTheWay -= arrived
    const now = this.#now()
    for (const at of sentAt) this.#usualMs += (now - at - this.#usualMs) / 10
    if (now - this.#arrivalsSince > RATE_MS) {
      // At rest the count starts anew: it would make a burst look slow.
      if (now - this.#arrivalsSince > 2 * RATE_MS) {
        this.#arrivals = 0
        this.#firstLimit = FIRST_ON_THE_WAY
      } else this.#limit = onTheWay(this.#arrivals / (now - this.#arrivalsSince))
      this.#arrivals = 0
      this.#arrivalsSince = now
    }
    this.#arrivals += arrived
    this.#firstLimit = Math.min(MAX_ON_THE_WAY, this.#firstLimit + arrived)
    this.#limit = Math.max(this.#limit, onTheWay(this.#arrivals / RATE_MS))
  }

  /** The next piece for a client; `undefined` when there is none for it now. It counts as given and on its way. */
  choose(client: OfferClient): number | undefined {
    this.#forget(client)
    if (client.onTheWay.length >= Math.min(client.window, this.#share()) || !this.#hasRoom()) return undefined
    const piece = this.#first(client)
    if (piece === undefined) return undefined
    const now = this.#now()
    this.#never.delete(piece)
    this.#givenAt[piece] = now
    client.onTheWay.push(now)
    this.#onTheWay += 1
    return piece
  }

  /** A block that could not be read, or a client that does not count as we do, must not keep its place for ever. */
  #forget({ onTheWay }: OfferClient): void {
    const before = this.#now() - FORGOTTEN_MS
    while ((onTheWay[0] ?? before) < before) {
      onTheWay.shift()
      this.#onTheWay -= 1
    }
  }

  /** A piece that some client needs and that was never given: the first of the first such client. */
  next(): number | undefined {
    let next: number | undefined
    if (this.#never.count === 0) return undefined
    for (const { need } of this.#clients) {
      need.visitCommon(this.#never, 0, (piece) => {
        next = piece
        return false
      })
      if (next !== undefined) break
    }
    return next
  }

  /** What one client may have on its way while others wait: a piece is spread sooner when it does not wait behind another. */
  #share(): number {
    let clients = 0
    for (const { window, need } of this.#clients) if (window > 0 && need.count > 0) clients += 1
    return Math.max(MIN_SHARE, Math.ceil(this.#limit / Math.max(1, clients)))
  }

  #first(client: OfferClient): number | undefined {
    let first: number | undefined
    client.need.visitCommon(this.#never, 0, (piece) => {
      first = piece
      return false
    })
    return first ?? this.#again(client)
  }

  #again(client: OfferClient): number | undefined {
    const repeatMs = Math.min(MAX_REPEAT_MS, Math.max(MIN_REPEAT_MS, this.#usualMs * REPEAT_FACTOR))
    const before = this.#now() - repeatMs
    let oldest: number | undefined
    let oldestAt = before
    client.need.visitCommon(client.need, 0, (piece) => {
      const givenAt = this.#givenAt[piece] ?? 0
      if (givenAt < oldestAt) {
        oldest = piece
        oldestAt = givenAt
      }
      return true
    })
    return oldest
  }

  #hasRoom(): boolean {
    const limit = Math.min(this.#firstLimit, this.#limit)
    if (this.#onTheWay < limit) return true
    let waiting = 0
    const before = this.#now() - LOST_MS
    for (const { onTheWay } of this.#clients) for (const sentAt of onTheWay) if (sentAt > before) waiting += 1
    return waiting < limit
  }
}

/** How many pieces may be on their way at a rate. */
function onTheWay(piecesPerMs: number): number {
  const pieces = Math.max(piecesPerMs * PIPELINE_MS, Math.min(AMPLE_ON_THE_WAY, piecesPerMs * AMPLE_PIPELINE_MS))
  return Math.min(MAX_ON_THE_WAY, Math.max(FIRST_ON_THE_WAY, Math.ceil(pieces)))
}
