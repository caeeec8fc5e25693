import type { Clock } from '@shoal/core'

/** HAVEs of one lane go out no more often. */
const HAVE_INTERVAL_MS = 20

/** One timer for the HAVEs of all lanes of a process. */
export class HaveTimer {
  readonly clock: Clock
  readonly #queues = new Set<HaveQueue>()
  #isSet = false

  constructor(clock: Clock) {
    this.clock = clock
  }

  add(queue: HaveQueue): void {
    this.#queues.add(queue)
    if (this.#isSet) return
    this.#isSet = true
    void this.#ring(HAVE_INTERVAL_MS)
  }

  delete(queue: HaveQueue): void {
    this.#queues.delete(queue)
  }

  async #ring(delayMs: number): Promise<void> {
    await this.clock.sleep(delayMs)
    this.#isSet = false
    for (const queue of [...this.#queues]) {
      this.#queues.delete(queue)
      queue.flush()
    }
  }
}

/**
 * The HAVEs of one lane: the first goes out at once, what follows within 20 ms goes out together, of all its channels in
 * one write.
 */
export class HaveQueue {
  readonly #timer: HaveTimer
  readonly #send: (channel: number, pieces: readonly number[]) => void
  readonly #isReady: () => boolean
  readonly #pending = new Map<number, number[]>()
  #sentAt = Number.NEGATIVE_INFINITY

  /** While `isReady` says no, nothing is sent and what is due waits. */
  constructor(
    timer: HaveTimer,
    send: (channel: number, pieces: readonly number[]) => void,
    isReady: () => boolean = () => true,
  ) {
    this.#timer = timer
    this.#send = send
    this.#isReady = isReady
  }

  add(channel: number, pieces: readonly number[]): void {
    if (pieces.length === 0) return
    const pending = this.#pending.get(channel) ?? []
    for (const piece of pieces) pending.push(piece)
    this.#pending.set(channel, pending)
    this.flush()
  }

  forget(channel: number): void {
    this.#pending.delete(channel)
  }

  /** Sends what is due if the time has come. */
  flush(): void {
    if (this.#pending.size === 0) return
    const now = this.#timer.clock.now()
    if (now - this.#sentAt < HAVE_INTERVAL_MS || !this.#isReady()) {
      this.#timer.add(this)
      return
    }
    this.#sentAt = now
    for (const [channel, pieces] of this.#pending) this.#send(channel, pieces)
    this.#pending.clear()
  }

  close(): void {
    this.#pending.clear()
    this.#timer.delete(this)
  }
}
