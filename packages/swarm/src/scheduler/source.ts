import { PieceSet } from './piece-set.ts'

/** What may be in flight from any source, whatever its rate. */
const MIN_WINDOW_BYTES = 256 * 1024

/** How fast a source was lately outweighs what it was before by this much a piece. */
const RATE_GAIN = 0.25

/** Where a source is: `near` in our rack, `unknown` when one side does not say, `far` behind a rack's uplink, or the origin of the layer. */
export type SourcePlace = 'near' | 'unknown' | 'far' | 'origin'

/** One daemon or client that pieces of one layer may be asked of, as the scheduler sees it. */
export class Source {
  /** Decides with the piece who of a rack fetches it from afar; unique in the swarm. */
  node: string
  place: SourcePlace
  /** Whether the origin on the other side chooses what it gives. */
  canChoose = false
  pieces: PieceSet
  /** Those of its pieces that are wanted and not asked of anybody. */
  useful: PieceSet
  /** Pieces asked of it, and when. */
  readonly asked = new Map<number, number>()
  inFlightBytes = 0
  /** Whether it answers requests now. */
  isUsable = false
  /** Whether its pieces count as available. */
  isCounted = false
  /** Whether it let us down: it is asked, but nobody waits for it. */
  isDoubtful = false
  /** Whether it takes far longer than others near us, and since when: what only it has is fetched by one and passed on, as from afar. */
  isSlow = false
  slowAt = 0
  /** What may be in flight at least: more than usual where the other side answers much at once, but seldom. */
  leastWindowBytes = MIN_WINDOW_BYTES
  /** Whether its window was full and is not yet half empty. */
  isFull = false
  /** Whether the last look found nothing to ask it for, and nothing has changed since. */
  isDry = false
  lastDataAt = 0
  /** Estimate, bytes per second; 0 before the first piece. */
  bytesPerSecond = 0
  /** When it began to answer the piece that it is about to deliver. */
  #busySince = 0

  constructor(init: { node: string; place: SourcePlace; pieceCount: number }) {
    this.node = init.node
    this.place = init.place
    this.pieces = new PieceSet(init.pieceCount)
    this.useful = new PieceSet(init.pieceCount)
  }

  /** Whose rack nobody knows is asked as if it were in ours, but waited for as little as somebody elsewhere. */
  get isNear(): boolean {
    return this.place === 'near' || this.place === 'unknown'
  }

  /** Whether all may ask it for anything. */
  get isPrompt(): boolean {
    return this.isNear && !this.isSlow
  }

  onAsked(piece: number, sizeBytes: number, now: number): void {
    if (this.asked.size === 0) {
      this.#busySince = now
      this.lastDataAt = now
    }
    this.asked.set(piece, now)
    this.inFlightBytes += sizeBytes
  }

  /** The piece is no longer asked of it; `isDelivered` when it came. Returns when it was asked. */
  onEnded(piece: number, sizeBytes: number, now: number, isDelivered: boolean): number | undefined {
    const askedAt = this.asked.get(piece)
    if (askedAt === undefined) return undefined
    this.asked.delete(piece)
    this.inFlightBytes -= sizeBytes
    // What the origin chose is heard of only when it is here, which says nothing of the rate.
    if (isDelivered && now > this.#busySince) {
      const rate = (sizeBytes * 1000) / (now - this.#busySince)
      this.bytesPerSecond += (rate - this.bytesPerSecond) * (this.bytesPerSecond === 0 ? 1 : RATE_GAIN)
      this.#busySince = now
    }
    return askedAt
  }
}
