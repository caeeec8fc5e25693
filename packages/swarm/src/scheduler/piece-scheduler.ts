import { Holders } from './holders.ts'
import { PieceChoice } from './piece-choice.ts'
import { PieceSet } from './piece-set.ts'
import type { Priority } from './priority.ts'
import { RequestWindow } from './request-window.ts'
import type { SchedulerActions, SchedulerOptions } from './scheduler-ports.ts'
import { Source, type SourcePlace } from './source.ts'
import { UrgentAsks } from './urgent-asks.ts'
import { UsualTimes } from './usual-times.ts'
import { WantedPieces } from './wanted-pieces.ts'

/** So much of what is asked for may be from sources that are far or slow, while there are others: it takes long and must not keep those out. */
const DISTANT_SHARE = 0.75
/** Pieces that the origin may choose for us and that are not here yet; the origin itself bounds what is on its way to all. */
const OFFERS = 8

/**
 * Which piece of one layer is asked of whom. Pure: events go in, the actions say what to do, time and chance are parameters. Rarest
 * first with random ties (Legout et al., "Rarest First and Choke Algorithms Are Enough", 2006) inside priority
 * classes; a piece enters a rack once; the origin chooses what it gives (see {@link OriginOffers}).
 */
export class PieceScheduler {
  readonly sources = new Set<Source>()
  readonly #options: SchedulerOptions
  readonly #actions: SchedulerActions
  readonly #have: PieceSet
  /** Absent and asked of nobody. */
  readonly #wanted: WantedPieces
  /** By piece: how many sources it is asked of. */
  readonly #askedCount: Uint8Array
  readonly #holders: Holders
  readonly #choice: PieceChoice
  readonly #window: RequestWindow
  #inFlightBytes = 0
  readonly #times = new UsualTimes()
  readonly #urgent: UrgentAsks
  #headPieces = 0
  #restWaits = false

  constructor(actions: SchedulerActions, options: SchedulerOptions) {
    this.#options = options
    this.#actions = actions
    const { pieceCount, have, now } = options
    this.#have = new PieceSet(pieceCount, have)
    this.#wanted = new WantedPieces(pieceCount)
    this.#window = new RequestWindow(now)
    this.#askedCount = new Uint8Array(pieceCount)
    this.#holders = new Holders(options)
    const { sources } = this
    this.#choice = new PieceChoice({ ...options, sources, wanted: this.#wanted, holders: this.#holders })
    this.#urgent = new UrgentAsks({
      sources,
      pieceBytes: options.pieceBytes,
      isAtPeer: (piece) => this.#holders.count(piece) > 0,
      isAskedTwice: (piece) => (this.#askedCount[piece] ?? 0) > 1,
      ask: (source, piece) => this.#ask(source, piece, true),
      now,
    })
    for (let piece = 0; piece < pieceCount; piece += 1) this.#want(piece)
  }

  get wantedCount(): number {
    return this.#wanted.count
  }

  get inFlightBytes(): number {
    return this.#inFlightBytes
  }

  addSource(init: { node: string; place: SourcePlace }): Source {
    const source = new Source({ ...init, pieceCount: this.#options.pieceCount })
    this.sources.add(source)
    return source
  }

  removeSource(source: Source): void {
    if (!this.sources.delete(source)) return
    this.#holders.remove(source)
    this.release(source)
  }

  /** Where it is became known. */
  place(source: Source, place: SourcePlace, node: string): void {
    this.#holders.remove(source)
    source.place = place
    source.node = node
    this.#holders.add(source)
  }

  /** The source says anew what it has. */
  setPieces(source: Source, pieces: PieceSet): void {
    this.#holders.remove(source)
    source.pieces = pieces
    source.useful = new PieceSet(this.#options.pieceCount)
    for (const wanted of this.#wanted) source.useful.addCommon(wanted, pieces)
    source.isDry = false
    this.#holders.add(source)
  }

  addPiece(source: Source, piece: number): void {
    if (!source.pieces.add(piece)) return
    this.#holders.addPiece(source, piece)
    if (!this.#wanted.has(piece)) return
    source.useful.add(piece)
    source.isDry = false
  }

  /** It does not have the piece, whatever it said. */
  dropPiece(source: Source, piece: number): void {
    if (!source.pieces.delete(piece)) return
    this.#holders.removePiece(source, piece)
    source.useful.delete(piece)
  }

  /** It began or ceased to answer. */
  setUsable(source: Source, isUsable: boolean): void {
    if (source.isUsable === isUsable) return
    source.isUsable = isUsable
    source.isDry = false
    if (isUsable) this.#holders.add(source)
    else {
      this.#holders.remove(source)
      this.release(source)
    }
  }

  /** What it was asked for may be asked of others. It is not told: where many wait for it, what is late comes all the same. */
  release(source: Source): void {
    for (const piece of [...source.asked.keys()]) {
      this.#end(source, piece, false)
      this.#giveBack(piece)
    }
  }

  /** It let us down, or made up for it: nobody waits for what only a doubtful source has. */
  setDoubtful(source: Source, isDoubtful: boolean): void {
    if (source.isDoubtful === isDoubtful) return
    this.#holders.remove(source)
    source.isDoubtful = isDoubtful
    this.#holders.add(source)
  }

  /** The origin sends a piece of its choice: nobody else is to be asked. */
  onChosen(origin: Source, piece: number): void {
    this.#unwant(piece)
    this.#begin(origin, piece)
  }

  /** All bytes of a piece came; it is verified and written next. */
  onReceived(source: Source, piece: number): void {
    const now = this.#options.now()
    const askedAt = this.#end(source, piece, true)
    if (askedAt === undefined) return
    this.#window.onReceived(this.#options.pieceBytes(piece))
    this.#urgent.onReceived(piece)
    this.#times.add(source, now - askedAt)
    if (source.isSlow && this.#times.isPromptAgain(source, now - askedAt, now)) this.#setSlow(source, false)
  }

  /** A piece that was received is verified and durable enough to count. */
  onStored(piece: number): void {
    this.#askedCount[piece] = 0
    this.#urgent.forget(piece)
    if (!this.#have.add(piece)) return
    this.#unwant(piece)
    for (const source of this.sources) {
      if (!source.asked.has(piece)) continue
      this.#end(source, piece, false)
      this.#actions.cancel(source, piece)
    }
  }

  /** A piece that was received could not be kept. */
  onDiscarded(piece: number): void {
    // It may have come from two sources and be discarded once: whoever is still asked counts.
    let asked = 0
    for (const source of this.sources) if (source.asked.has(piece)) asked += 1
    this.#askedCount[piece] = asked
    if (asked === 0) this.#want(piece)
  }

  /** The source will not deliver the piece. */
  onFailed(source: Source, piece: number): void {
    if (this.#end(source, piece, false) !== undefined) this.#giveBack(piece)
  }

  /** A piece that was here is gone. */
  onLost(piece: number): void {
    if (this.#have.delete(piece)) this.#want(piece)
  }

  /** What is of the head is never less urgent than that. */
  prioritise(piece: number, priority: Priority): void {
    const isHead = priority === 'plan' && piece < this.#headPieces
    this.#wanted.setPriority(piece, isHead ? 'boot-profile' : priority)
    if (priority === 'on-demand') this.#hurry(piece)
    else this.#urgent.forget(piece)
  }

  /** What is fetched before the rest: the first so many pieces. What somebody waits for stays before them. */
  setHead(pieces: number): void {
    const end = Math.min(pieces, this.#options.pieceCount)
    for (let piece = Math.min(end, this.#headPieces); piece < Math.max(end, this.#headPieces); piece += 1) {
      if (this.#wanted.priorityOf(piece) === 'on-demand') continue
      this.#wanted.setPriority(piece, piece < end ? 'boot-profile' : 'plan')
    }
    this.#headPieces = end
  }

  /** Says whether only what is of the head, or more urgent, is to be asked for; true when that was otherwise. */
  setRestWaits(restWaits: boolean): boolean {
    const isChange = restWaits !== this.#restWaits
    this.#restWaits = restWaits
    return isChange
  }

  /** Whether some of the head is asked of nobody. */
  get isHeadWanted(): boolean {
    return this.#wanted.headCount > 0
  }

  /** Pieces that no source but the origin can give us: those only that will be read soon, while there are such. */
  needOfOrigin(): PieceSet {
    const need = new PieceSet(this.#options.pieceCount)
    // It gives the first that we need first: what will be read soon is nowhere in particular.
    const soon = this.#restWaits ? this.#wanted.head : this.#wanted.soon(this.#headPieces)
    for (const wanted of soon) need.addCommon(wanted, this.#holders.none)
    if (need.count > 0 || this.#restWaits) return need
    for (const wanted of this.#wanted) need.addCommon(wanted, this.#holders.none)
    for (const source of this.sources) {
      if (!source.isDoubtful) continue
      for (const piece of source.asked.keys()) {
        if (this.#holders.count(piece) === 0 && this.#isInDoubt(piece)) need.add(piece)
      }
    }
    return need
  }

  /** Asks for as much as there is room and somebody to ask. Call it after any event, and every 100 ms or so. */
  fill(): void {
    this.fillUrgent()
    // What one source lacks of the head another may have: none is asked for the rest before.
    const isGoingOn = !this.isHeadWanted || this.#askAll(true)
    if (isGoingOn && !this.#restWaits) this.#askAll(false)
    for (const source of this.sources) {
      if (source.canChoose && source.isUsable) this.#actions.setOffers(source, OFFERS)
    }
  }

  /** Asks for what somebody waits for only. */
  fillUrgent(): void {
    this.#urgent.ask(this.#wanted.onDemand)
  }

  /** Asks second sources for what somebody waits for and is late. Call it every 10 ms or so while somebody waits. */
  race(): void {
    this.#urgent.race()
  }

  /** Looks again at sources that had nothing for us: a turn may have come, a piece may be late. */
  tick(): void {
    for (const source of this.sources) {
      source.isDry = false
      if (!source.isSlow && this.#times.isSlow(source, this.#options.now())) this.#setSlow(source, true)
    }
    this.fill()
    this.#askLate()
  }

  /** Asks while there is room and somebody to ask; false when nothing more is admitted. */
  #askAll(isHeadOnly: boolean): boolean {
    const window = this.#window.bytes(this.sources.size)
    let passedOver: Set<Source> | undefined
    for (let distantBytes = this.#choice.distantBytes(); this.#inFlightBytes < window; ) {
      const source = this.#choice.idlest(distantBytes < window * DISTANT_SHARE, passedOver)
      if (source === undefined) break
      const piece = this.#choice.piece(source, isHeadOnly)
      if (piece !== undefined && this.#ask(source, piece, false)) {
        if (!source.isPrompt) distantBytes += this.#options.pieceBytes(piece)
        continue
      }
      passedOver ??= new Set()
      if (piece === undefined) {
        if (isHeadOnly) passedOver.add(source)
        else source.isDry = true
      } else if (source.place === 'near') return false
      // What is near may pass where what crosses the rack's uplink does not.
      else for (const other of this.sources) if (other.place !== 'near') passedOver.add(other)
    }
    return true
  }

  #setSlow(source: Source, isSlow: boolean): void {
    this.#holders.remove(source)
    source.isSlow = isSlow
    source.slowAt = this.#options.now()
    this.#holders.add(source)
    if (isSlow) this.release(source)
  }

  #askLate(): void {
    for (const source of this.sources) {
      if (this.#inFlightBytes >= this.#window.bytes(this.sources.size)) return
      if (!source.isUsable || source.canChoose || source.asked.size > 0) continue
      const piece = this.#late(source)
      if (piece !== undefined && !this.#ask(source, piece, false) && source.place === 'near') return
    }
  }

  /** Somebody waits for what is on its way already. */
  #hurry(piece: number): void {
    for (const source of this.sources) {
      // What an origin chose is coming just now.
      if (!source.asked.has(piece) || source.canChoose) continue
      // It may have said since that it lacks it, and refuses it then.
      if (source.pieces.has(piece)) this.#actions.ask(source, piece, 'on-demand')
      this.#urgent.expect(source, piece)
    }
  }

  /** A piece that is late elsewhere, for a source that has nothing else to do. */
  #late(source: Source): number | undefined {
    for (const other of this.sources) {
      const before = this.#options.now() - this.#times.lateMs(other)
      for (const [piece, askedAt] of other.asked) {
        const isLate = askedAt <= before && this.#askedCount[piece] === 1
        const isInDoubt = other.isDoubtful && !source.isDoubtful && this.#isInDoubt(piece)
        if ((isLate || isInDoubt) && source.pieces.has(piece) && this.#holders.mayAsk(source, piece)) return piece
      }
    }
    return undefined
  }

  /** Whether a piece that was asked for is asked only of sources that let us down: such a one may never finish it. */
  #isInDoubt(piece: number): boolean {
    for (const { isDoubtful, asked } of this.sources) if (!isDoubtful && asked.has(piece)) return false
    return true
  }

  #ask(source: Source, piece: number, isUrgent: boolean): boolean {
    const sizeBytes = this.#options.pieceBytes(piece)
    const priority = this.#wanted.priorityOf(piece)
    // It may be asked for in its turn, too, when its limit lets nothing urgent pass.
    const admitted = priority === 'on-demand' && !isUrgent ? 'boot-profile' : priority
    if (!this.#actions.admit(sizeBytes, admitted, source.place)) return false
    this.#unwant(piece)
    this.#begin(source, piece)
    this.#actions.ask(source, piece, priority)
    return true
  }

  #begin(source: Source, piece: number): void {
    const sizeBytes = this.#options.pieceBytes(piece)
    this.#askedCount[piece] = (this.#askedCount[piece] ?? 0) + 1
    this.#inFlightBytes += sizeBytes
    source.onAsked(piece, sizeBytes, this.#options.now())
  }

  #end(source: Source, piece: number, isDelivered: boolean): number | undefined {
    const sizeBytes = this.#options.pieceBytes(piece)
    const askedAt = source.onEnded(piece, sizeBytes, this.#options.now(), isDelivered)
    if (askedAt !== undefined) this.#inFlightBytes -= sizeBytes
    return askedAt
  }

  #giveBack(piece: number): void {
    const left = (this.#askedCount[piece] ?? 1) - 1
    this.#askedCount[piece] = Math.max(0, left)
    if (left <= 0) this.#want(piece)
  }

  #want(piece: number): void {
    if (this.#have.has(piece) || !this.#wanted.add(piece)) return
    for (const source of this.sources) {
      if (!source.pieces.has(piece)) continue
      source.useful.add(piece)
      source.isDry = false
    }
  }

  #unwant(piece: number): boolean {
    if (!this.#wanted.delete(piece)) return false
    for (const source of this.sources) source.useful.delete(piece)
    return true
  }
}
