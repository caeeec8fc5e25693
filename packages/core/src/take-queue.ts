import type { Clock } from './clock.ts'
import type { RateTokens } from './rate-tokens.ts'

/**
 * What those who are urgent may owe, as time at the full rate: so much passes at once although others have just used up
 * everything. Only what is urgent itself fills it, so one who is urgent waits for none who is not.
 */
export const URGENT_DEBT_SECONDS = 0.2

/** Those who need the same buckets, first come first served. */
export class TakeLane {
  readonly buckets: readonly RateTokens[]
  readonly isUrgent: boolean
  /** In the order of their coming; a set, so that one who gives up leaves without a search. */
  readonly waiting = new Set<Waiter>()

  constructor(buckets: readonly RateTokens[], { isUrgent = false }: { isUrgent?: boolean } = {}) {
    this.buckets = buckets
    this.isUrgent = isUrgent
  }

  get isLimited(): boolean {
    return this.buckets.some((bucket) => bucket.isLimited)
  }

  waitMs(nowMs: number): number {
    const debtSeconds = this.isUrgent ? URGENT_DEBT_SECONDS : 0
    let waitMs = 0
    for (const bucket of this.buckets) waitMs = Math.max(waitMs, bucket.waitMs(nowMs, debtSeconds))
    return waitMs
  }

  debit(bytes: number): void {
    for (const bucket of this.buckets) bucket.debit(bytes)
  }
}

interface Waiter {
  readonly order: number
  readonly bytes: number
  readonly pass: () => void
}

const PASSED = Promise.resolve()

/**
 * Those who wait for tokens of several buckets, in lanes that share some of these. A take pays all its buckets at once and
 * only when all can pay: what waits for one bucket holds nothing of another, and lets a lane pass that needs only the
 * other. Among the lanes that can pay, the urgent go first, then who came first.
 */
export class TakeQueue {
  readonly #clock: Clock
  /** Those in which somebody waits: lanes come and go with the layers that have limits of their own. */
  readonly #lanes = new Set<TakeLane>()
  #coming = 0
  #timer: { readonly at: number; readonly abort: AbortController } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes at once or not at all; true when taken. */
  tryTake(lane: TakeLane, bytes: number): boolean {
    if (!lane.isLimited) return true
    const now = this.#clock.now()
    // Those who could pass when the timer was due are before this one, however late the timer is.
    if (this.#timer !== undefined && this.#timer.at <= now) this.pump()
    if (lane.waiting.size > 0 || lane.waitMs(now) > 0) return false
    lane.debit(bytes)
    return true
  }

  /** Resolves when `bytes` may pass. Rejects with the signal's reason when aborted while waiting, and takes nothing. */
  take(lane: TakeLane, bytes: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.tryTake(lane, bytes)) return PASSED
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        order: this.#coming++,
        bytes,
        pass: () => {
          signal?.removeEventListener('abort', giveUp)
          resolve()
        },
      }
      const giveUp = () => {
        this.#leave(lane, waiter)
        this.#arm()
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', giveUp, { once: true })
      lane.waiting.add(waiter)
      this.#lanes.add(lane)
      this.#arm()
    })
  }

  /** Lets through whoever can pass now; to be called when a rate has changed. */
  pump(): void {
    for (let lane = this.#next(); lane !== undefined; lane = this.#next()) {
      const [waiter] = lane.waiting
      if (waiter === undefined) break
      this.#leave(lane, waiter)
      lane.debit(waiter.bytes)
      waiter.pass()
    }
    this.#arm()
  }

  #leave(lane: TakeLane, waiter: Waiter): void {
    lane.waiting.delete(waiter)
    if (lane.waiting.size === 0) this.#lanes.delete(lane)
  }

  /** The lane whose first waiter goes next, of those who can pass. */
  #next(): TakeLane | undefined {
    const now = this.#clock.now()
    let next: TakeLane | undefined
    let nextRank = Number.POSITIVE_INFINITY
    for (const lane of this.#lanes) {
      const [waiter] = lane.waiting
      if (waiter === undefined || lane.waitMs(now) > 0) continue
      const rank = lane.isUrgent ? waiter.order - Number.MAX_SAFE_INTEGER : waiter.order
      if (rank >= nextRank) continue
      next = lane
      nextRank = rank
    }
    return next
  }

  /** One timer for all, for the first who will be able to pass. One that rings too early is cheaper than a new one. */
  #arm(): void {
    const now = this.#clock.now()
    let waitMs = Number.POSITIVE_INFINITY
    for (const lane of this.#lanes) waitMs = Math.min(waitMs, lane.waitMs(now))
    const isIdle = waitMs === Number.POSITIVE_INFINITY
    if (this.#timer !== undefined) {
      if (!isIdle && this.#timer.at <= now + waitMs) return
      this.#timer.abort.abort()
      this.#timer = undefined
    }
    if (isIdle) return
    const abort = new AbortController()
    const timer = { at: now + waitMs, abort }
    this.#timer = timer
    const ring = () => {
      if (this.#timer !== timer) return
      this.#timer = undefined
      this.pump()
    }
    // A timer that was given up rejects; there is nothing left for it to do.
    this.#clock.sleep(waitMs, { signal: abort.signal }).then(ring, () => {})
  }
}
