import type { Clock } from '@shoal/core'

/** The HAVEs of one lane wait at most so long for others, and at least so long when there are few lanes. */
const MAX_INTERVAL_MS = 200
const MIN_INTERVAL_MS = 20
/** A write costs a system call here and a wake-up there, however little is in it: with many lanes more go out together, 200 writes a second in all. */
const INTERVAL_MS_PER_LANE = 5

/** One timer for the HAVEs of all lanes of a process. */
export class HaveTimer {
  readonly clock: Clock
  readonly #due = new Set<HaveQueue>()
  #lanes = 0
  #isSet = false

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** HAVEs of one lane go out no more often; those to a near client as often as with few lanes: what it hears late it fetches from afar. */
  intervalMs(isNear: boolean): number {
    if (isNear) return MIN_INTERVAL_MS
    return Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, this.#lanes * INTERVAL_MS_PER_LANE))
  }

  enter(): void {
    this.#lanes += 1
  }

  leave(queue: HaveQueue): void {
    this.#lanes -= 1
    this.#due.delete(queue)
  }

  /** Flushes the queue soon. */
  add(queue: HaveQueue): void {
    this.#due.add(queue)
    if (this.#isSet) return
    this.#isSet = true
    void this.#ring()
  }

  async #ring(): Promise<void> {
    await this.clock.sleep(MIN_INTERVAL_MS)
    this.#isSet = false
    const due = [...this.#due]
    this.#due.clear()
    for (const queue of due) queue.flush()
  }
}

/** The HAVEs of one lane: the first goes out at once, what follows soon after goes out together, of all its channels in one write. */
export class HaveQueue {
  readonly #timer: HaveTimer
  readonly #send: (channel: number, pieces: readonly number[]) => void
  readonly #isReady: () => boolean
  readonly #pending = new Map<number, number[]>()
  #sentAt = Number.NEGATIVE_INFINITY
  #isNear = false
  #isClosed = false

  /** While `isReady` says no, nothing is sent and what is due waits. */
  constructor(
    timer: HaveTimer,
    send: (channel: number, pieces: readonly number[]) => void,
    isReady: () => boolean = () => true,
  ) {
    this.#timer = timer
    this.#send = send
    this.#isReady = isReady
    timer.enter()
  }

  add(channel: number, piece: number, isNear = false): void {
    this.#isNear = isNear
    const pending = this.#pending.get(channel)
    if (pending === undefined) this.#pending.set(channel, [piece])
    else pending.push(piece)
    this.flush()
  }

  forget(channel: number): void {
    this.#pending.delete(channel)
  }

  /** Sends what is due if the time has come, and otherwise when it comes. */
  flush(): void {
    if (this.#pending.size === 0) return
    const isTime = this.#timer.clock.now() - this.#sentAt >= this.#timer.intervalMs(this.#isNear)
    if (!isTime || !this.flushNow()) this.#timer.add(this)
  }

  /** Sends what is due, whatever the time; false when it cannot be sent now. */
  flushNow(): boolean {
    if (this.#pending.size === 0) return true
    if (!this.#isReady()) return false
    this.#sentAt = this.#timer.clock.now()
    for (const [channel, pieces] of this.#pending) this.#send(channel, pieces)
    this.#pending.clear()
    return true
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#pending.clear()
    this.#timer.leave(this)
  }
}
