import type { TransferLimits, TransferPlace } from '@shoal/core'

/** Under a limit so few blocks go to one place at a time: many that come bit by bit side by side are of use to nobody for long. */
const LIMITED_BLOCKS = 2

/** A lane that has blocks to send. */
export interface Sender {
  /** What its next block is like; `undefined` when it has none after all. */
  peek(): { readonly where: TransferPlace; readonly isUrgent: boolean } | undefined
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

/**
 * Whose turn it is to send a block: lanes go round, so that none starves. Only half of the block buffers may be held by
 * blocks under way, however many lanes there are, as the others receive. What is urgent goes before, and a little beyond that.
 */
export class SendTurns {
  readonly #limits: TransferLimits
  readonly #maxHeld: number
  readonly #maxHeldUrgent: number
  readonly #urgent = new Set<Sender>()
  readonly #ordinary = new Set<Sender>()
  readonly #limited: Record<TransferPlace, number> = { 'in-rack': 0, 'cross-rack': 0, unknown: 0 }
  #held = 0
  #isRunning = false
  #isFreed = false

  constructor(limits: TransferLimits, bufferCount: number) {
    this.#limits = limits
    this.#maxHeld = Math.max(1, Math.floor(bufferCount / 2))
    this.#maxHeldUrgent = this.#maxHeld + Math.floor(bufferCount / 8)
  }

  /** Whether somebody waits for buffers that others hold. */
  get isPressed(): boolean {
    return this.#held >= this.#maxHeld && this.#urgent.size + this.#ordinary.size > 0
  }

  /** Asks for one turn. */
  ask(sender: Sender): void {
    const isUrgent = sender.peek()?.isUrgent === true
    if (isUrgent) this.#ordinary.delete(sender)
    const line = isUrgent ? this.#urgent : this.#ordinary
    line.add(sender)
    this.#run()
  }

  forget(sender: Sender): void {
    this.#urgent.delete(sender)
    this.#ordinary.delete(sender)
  }

  #run(): void {
    this.#isFreed = true
    // A turn may end while it is given: the loop sees that.
    if (this.#isRunning) return
    this.#isRunning = true
    while (this.#isFreed) {
      this.#isFreed = false
      this.#serve(this.#urgent, this.#maxHeldUrgent)
      this.#serve(this.#ordinary, this.#maxHeld)
    }
    this.#isRunning = false
  }

  #serve(line: Set<Sender>, maxHeld: number): void {
    for (const sender of line) {
      if (this.#held >= maxHeld) return
      const next = sender.peek()
      const isFree = next === undefined || next.isUrgent || !this.#isLimit(next.where)
      if (!isFree) continue
      line.delete(sender)
      if (next !== undefined) this.#give(sender, next.where)
    }
  }

  #isLimit(where: TransferPlace): boolean {
    return this.#limits.isUpLimited(where) && this.#limited[where] >= LIMITED_BLOCKS
  }

  #give(sender: Sender, where: TransferPlace): void {
    this.#held += 1
    this.#limited[where] += 1
    let isHanded = false
    const handed = () => {
      if (isHanded) return
      isHanded = true
      this.#limited[where] -= 1
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
