import type { Source } from './source.ts'

const MIB = 1024 ** 2
/** What one source may owe us however urgent it is: a lane takes no more. */
const MAX_WINDOW_BYTES = 16 * MIB
/** What a read waits rather than to cross a rack's uplink. */
const FAR_COST_MS = 20
/**
 * A read is late when it takes so many times what reads usually take, and what the source was expected to take, and at least so long:
 * sooner, a second answer would come on the same links that made the first one late.
 */
const LATE_FACTOR = 3
const MIN_LATE_MS = 20
const FIRST_USUAL_MS = 40
const GAIN = 0.1

export interface UrgentAsksDeps {
  readonly sources: ReadonlySet<Source>
  readonly pieceBytes: (piece: number) => number
  /** Whether a source other than the origin has the piece. */
  readonly isAtPeer: (piece: number) => boolean
  /** Whether two sources are asked for the piece already, for whatever reason. */
  readonly isAskedTwice: (piece: number) => boolean
  /** False when nothing more is admitted of a source at that place. */
  readonly ask: (source: Source, piece: number) => boolean
  readonly now: () => number
}

interface Asked {
  readonly at: number
  lateAt: number
}

/** Which source is asked for what somebody waits for: the one that delivers it first, and a second one when that is late. */
export class UrgentAsks {
  readonly #deps: UrgentAsksDeps
  /** By piece; what was raced is not in it any more. */
  readonly #asked = new Map<number, Asked>()
  #usualMs = FIRST_USUAL_MS

  constructor(deps: UrgentAsksDeps) {
    this.#deps = deps
  }

  /** Asks for pieces that nobody is asked for, whatever is in flight. */
  ask(pieces: Iterable<number>): void {
    for (const piece of pieces) {
      const source = this.#quickest(piece, {})
      if (source === undefined || this.#ask(source, piece) || source.place === 'near') continue
      const near = this.#quickest(piece, { isNearOnly: true })
      if (near !== undefined) this.#ask(near, piece)
    }
  }

  /** Somebody waits now for a piece that a source is asked for already. */
  expect(source: Source, piece: number): void {
    this.#expect(piece, this.#waitMs(source, 0))
  }

  /** Asks second sources for what is late. The origin may be one, whoever else has the piece. */
  race(): void {
    const now = this.#deps.now()
    for (const [piece, { lateAt }] of this.#asked) {
      if (lateAt > now || this.#deps.isAskedTwice(piece)) continue
      const source = this.#quickest(piece, { isRace: true })
      // With nobody else to ask, somebody may come.
      if (source === undefined || !this.#deps.ask(source, piece)) continue
      this.#asked.delete(piece)
    }
  }

  onReceived(piece: number): void {
    const asked = this.#asked.get(piece)
    if (asked === undefined) return
    this.#asked.delete(piece)
    this.#usualMs += (this.#deps.now() - asked.at - this.#usualMs) * GAIN
  }

  /** Nobody waits for it any more, or nobody is asked for it. */
  forget(piece: number): void {
    this.#asked.delete(piece)
  }

  #ask(source: Source, piece: number): boolean {
    const waitMs = this.#waitMs(source, this.#deps.pieceBytes(piece))
    if (!this.#deps.ask(source, piece)) return false
    this.#expect(piece, waitMs)
    return true
  }

  #expect(piece: number, waitMs: number): void {
    const at = this.#deps.now()
    const lateMs = Math.max(MIN_LATE_MS, LATE_FACTOR * this.#usualMs, LATE_FACTOR * waitMs)
    this.#asked.set(piece, { at, lateAt: at + lateMs })
  }

  /** How long a source takes for all that it owes us and so many bytes more. */
  #waitMs(source: Source, bytes: number): number {
    return ((source.inFlightBytes + bytes) * 1000) / (source.bytesPerSecond || MIB)
  }

  #quickest(piece: number, { isNearOnly = false, isRace = false }): Source | undefined {
    const bytes = this.#deps.pieceBytes(piece)
    let best: Source | undefined
    let least = Number.POSITIVE_INFINITY
    for (const source of this.#deps.sources) {
      if (!source.isUsable || !source.pieces.has(piece) || source.asked.has(piece)) continue
      if (isNearOnly && source.place !== 'near') continue
      if (source.place === 'origin' && !isRace && this.#deps.isAtPeer(piece)) continue
      if (source.inFlightBytes > 0 && source.inFlightBytes + bytes > MAX_WINDOW_BYTES) continue
      const waitMs = this.#waitMs(source, bytes)
      const cost = source.place === 'far' ? waitMs + FAR_COST_MS : waitMs
      if (cost >= least) continue
      best = source
      least = cost
    }
    return best
  }
}
