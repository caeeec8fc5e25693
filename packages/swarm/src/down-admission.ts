import type { LayerLimit } from '@shoal/core'
import type { FetchTurns } from './fetch-turns.ts'
import type { LayerTerms } from './layer-terms.ts'
import type { Priority } from './scheduler/priority.ts'
import type { SourcePlace } from './scheduler/source.ts'
import type { TurnShare } from './scheduler/turn-order.ts'
import { TokenAlarm } from './token-alarm.ts'

/** A layer whose sources sent nothing for so long has nothing on its way that is worth waiting for. */
const MOVING_MS = 250

/** What is to be asked for. */
export interface Ask {
  /** Somebody waits for it. */
  readonly isUrgent: boolean
  /** Of the head of its layer. */
  readonly isHead: boolean
  /** Of a source in another rack, of the origin, or of one of whom that is not known. */
  readonly isFar: boolean
  /** Left to the choice of the origin. */
  readonly isOffer: boolean
}

/** An ask that was refused. */
export interface Wait extends Ask {
  /** Whether it waits for others to go first or for what is on its way, and not for a limit. */
  isForRoom: boolean
}

export interface DownAdmissionDeps {
  readonly turns: FetchTurns
  readonly terms: LayerTerms
  /** It may be asked again: something that was refused may pass now. */
  readonly onTurn: () => void
  /** What this layer asked for that is not here. */
  readonly askedBytes: () => number
  /** What it left to the choice of the origin. */
  readonly offeredBytes: () => number
}

/** One layer's seat among those that the node fetches: whether it may ask for payload now. Whose turn it is {@link FetchTurns} decides. */
export class DownAdmission {
  readonly share: TurnShare
  readonly limit: LayerLimit
  readonly waits: Wait[] = []
  /** When it last found something to ask for and was not held up by a limit: for its head, and for the rest. */
  headWantedAt = Number.NEGATIVE_INFINITY
  restWantedAt = Number.NEGATIVE_INFINITY
  readonly #deps: DownAdmissionDeps
  readonly #alarm: TokenAlarm
  #lastBytesAt = Number.NEGATIVE_INFINITY
  #isPaused = false
  #isClosed = false

  constructor(deps: DownAdmissionDeps) {
    this.#deps = deps
    const { turns, terms } = deps
    this.share = turns.order.join(terms)
    this.limit = turns.limits.newLayerLimit()
    this.#alarm = new TokenAlarm(turns.limits, this.limit, () => turns.wake())
    this.#setLimit(terms)
  }

  /** Whether nothing but what is urgent is asked for. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  get askedBytes(): number {
    return this.#deps.askedBytes()
  }

  get offeredBytes(): number {
    return this.#deps.offeredBytes()
  }

  setTerms(terms: LayerTerms): void {
    if (this.#isClosed) return
    this.#deps.turns.order.setTerms(this.share, terms)
    this.#setLimit(terms)
    this.#deps.turns.forget(this)
    this.#deps.onTurn()
  }

  /** Whether so many bytes may be asked for now; when not, `onTurn` is called once they may. */
  admit(bytes: number, priority: Priority, place: SourcePlace, { isOffer = false } = {}): boolean {
    if (this.#isClosed) return false
    const isUrgent = priority === 'on-demand'
    if (this.#isPaused && !isUrgent) return false
    const isHead = priority === 'boot-profile'
    return this.#deps.turns.admit(this, bytes, { isUrgent, isHead, isFar: place !== 'near', isOffer })
  }

  /** Payload came. */
  onBytes(bytes: number, now: number): void {
    this.#lastBytesAt = now
    this.#deps.turns.onBytes(bytes, now)
  }

  /** Less is on its way than before. */
  onFreed(): void {
    this.#deps.turns.onFreed()
  }

  /** What is on its way, as far as anything moves at all. */
  movingBytes(now: number): number {
    return now - this.#lastBytesAt > MOVING_MS ? 0 : this.askedBytes + this.offeredBytes
  }

  /** Has the turn begin once a limit of its own lets it. */
  arm(wait: Wait): void {
    this.#alarm.arm(wait)
  }

  takeTurn(): void {
    this.#deps.onTurn()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#alarm.close()
    this.#deps.turns.forget(this)
    this.#deps.turns.order.leave(this.share)
  }

  #setLimit({ limitBytesPerSecond }: LayerTerms): void {
    this.#isPaused = limitBytesPerSecond === 0
    this.#deps.turns.limits.setLayerRate(this.limit, this.#isPaused ? null : limitBytesPerSecond)
  }
}
