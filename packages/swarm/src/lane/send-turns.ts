import type { TransferLimits, TransferPlace } from '@shoal/core'
import type { TurnOrder, TurnShare } from '../scheduler/turn-order.ts'

/**
 * Under a limit so few blocks go to one place at a time: many that come bit by bit side by side are of use to nobody for long. Where
 * several layers have some it is one, as of two side by side each would get half.
 */
const LIMITED_BLOCKS = 2

/** What a lane's next block is like. */
export interface NextTurn {
  readonly where: TransferPlace
  readonly isUrgent: boolean
  /** Its layer's. */
  readonly share: TurnShare
}

/** A lane that has blocks to send. */
export interface Sender {
  /** What its next block is like; `undefined` when it has none after all. */
  peek(): NextTurn | undefined
  /** Begins with one block, and says when it is handed over and ended; false when there was none after all. */
  send(turn: SendTurn): boolean
}

/** The right to send one block. */
export interface SendTurn {
  /** All of the block is with the socket, or will never be. */
  handed(): void
  /** Its buffer is no longer needed. */
  ended(): void
}

export interface SendTurnsDeps {
  readonly limits: TransferLimits
  /** Of the layers that are given. */
  readonly order: TurnOrder
}

/**
 * Whose turn it is to send a block: what is urgent, then layers in their order; the lanes of one layer go round, so that none starves.
 * Only half of the block buffers may be held by blocks under way, however many lanes there are, as the others receive; what is urgent
 * may hold a little more.
 */
export class SendTurns {
  readonly #deps: SendTurnsDeps
  readonly #maxHeld: number
  readonly #maxHeldUrgent: number
  readonly #urgent = new Set<Sender>()
  /** By the layer of their next block. */
  readonly #ordinary = new Map<TurnShare, Set<Sender>>()
  /** By place: blocks that are being handed to sockets. */
  readonly #handing: Record<TransferPlace, { blocks: number; last: TurnShare | undefined }> = {
    'in-rack': { blocks: 0, last: undefined },
    'cross-rack': { blocks: 0, last: undefined },
    unknown: { blocks: 0, last: undefined },
  }
  #held = 0
  #isRunning = false
  #isFreed = false

  constructor(deps: SendTurnsDeps, bufferCount: number) {
    this.#deps = deps
    this.#maxHeld = Math.max(1, Math.floor(bufferCount / 2))
    this.#maxHeldUrgent = this.#maxHeld + Math.floor(bufferCount / 8)
  }

  /** Whether somebody waits for buffers that others hold. */
  get isPressed(): boolean {
    return this.#held >= this.#maxHeld && this.#urgent.size + this.#ordinary.size > 0
  }

  /** Asks for one turn. */
  ask(sender: Sender): void {
    const next = sender.peek()
    if (next?.isUrgent === true) {
      this.#forgetOrdinary(sender)
      this.#urgent.add(sender)
    } else if (next !== undefined) this.#addOrdinary(sender, next.share)
    this.#run()
  }

  forget(sender: Sender): void {
    this.#urgent.delete(sender)
    this.#forgetOrdinary(sender)
  }

  /** Below 0 when blocks of the first of two layers go before those of the second. */
  compare(one: TurnShare, other: TurnShare): number {
    return one === other ? 0 : this.#deps.order.compare(one, false, other, false)
  }

  /** A block of a layer is sent. */
  taken(share: TurnShare, bytes: number): void {
    this.#deps.order.take(share, false, bytes)
  }

  #addOrdinary(sender: Sender, share: TurnShare): void {
    const line = this.#ordinary.get(share)
    // Whoever waits for that layer already keeps its place.
    if (line?.has(sender)) return
    this.#forgetOrdinary(sender)
    this.#ordinary.set(share, (this.#ordinary.get(share) ?? new Set()).add(sender))
  }

  #forgetOrdinary(sender: Sender): void {
    for (const [share, line] of this.#ordinary) {
      if (!line.delete(sender)) continue
      if (line.size === 0) this.#ordinary.delete(share)
      return
    }
  }

  #run(): void {
    this.#isFreed = true
    // A turn may end while it is given: the loop sees that.
    if (this.#isRunning) return
    this.#isRunning = true
    while (this.#isFreed) {
      this.#isFreed = false
      this.#serve(this.#urgent, this.#maxHeldUrgent)
      while (this.#ordinary.size > 1 && this.#serveFirst());
      for (const line of this.#ordinary.values()) this.#serve(line, this.#maxHeld)
    }
    this.#isRunning = false
  }

  /** Where several layers wait: one turn for the first that may send; false when none may. */
  #serveFirst(): boolean {
    const lines = [...this.#ordinary].sort(([one], [other]) => this.compare(one, other))
    return lines.some(([, line]) => this.#serve(line, this.#maxHeld, 1))
  }

  /** Gives turns to those in line who may send; true when somebody got one. */
  #serve(line: Set<Sender>, maxHeld: number, most = Number.POSITIVE_INFINITY): boolean {
    let given = 0
    for (const sender of line) {
      if (this.#held >= maxHeld || given >= most) break
      const next = sender.peek()
      const isFree = next === undefined || next.isUrgent || !this.#isLimit(next)
      if (!isFree) continue
      this.forget(sender)
      if (next === undefined) continue
      given += 1
      this.#give(sender, next)
    }
    return given > 0
  }

  #isLimit({ where, share }: NextTurn): boolean {
    const { [where]: handing } = this.#handing
    const isOneLayer = handing.last === share && this.#ordinary.size === 1
    return handing.blocks >= (isOneLayer ? LIMITED_BLOCKS : 1) && this.#deps.limits.isUpLimited(where)
  }

  #give(sender: Sender, { where, share }: NextTurn): void {
    const { [where]: handing } = this.#handing
    this.#held += 1
    handing.blocks += 1
    handing.last = share
    let isHanded = false
    const handed = () => {
      if (isHanded) return
      isHanded = true
      handing.blocks -= 1
      this.#run()
    }
    const ended = () => {
      this.#held -= 1
      handed()
      this.#run()
    }
    if (!sender.send({ handed, ended })) ended()
  }
}
