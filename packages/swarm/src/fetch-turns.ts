import type { Clock, TransferLimits } from '@shoal/core'
import type { Ask, DownAdmission, Wait } from './down-admission.ts'
import { RecentRate } from './scheduler/recent-rate.ts'
import { TurnOrder } from './scheduler/turn-order.ts'
import { TokenAlarm } from './token-alarm.ts'

/** A layer that asked counts as one that wants more for so long: it looks again every 100 ms while there is room and somebody to ask. */
const WANT_MS = 300
/** What is on its way to the node while a layer asks that is not the first, as time at the rate of all: half of what one source is asked for. */
const ROOM_MS = 50
/**
 * So long after somebody waited for something no more is on its way to the node than comes in so little time, and so much at least: the next
 * read waits behind that, on links that nothing overtakes.
 */
const READS_MS = 1000
const READS_ROOM_MS = 10
const READS_ROOM_BYTES = 512 * 1024

type OfHead = Pick<Ask, 'isHead'>

interface Front extends OfHead {
  readonly seat: DownAdmission
}

/**
 * Whose turn it is to ask for payload, among all layers of a daemon. Where a limit holds, what it lets pass goes to the first in the
 * {@link TurnOrder} of those who wait. Where none does, nobody knows what the link has left: then those who are neither the first nor
 * like it ask while little is on its way, and for one piece at least, so that what the first ones cannot use is used. What is urgent waits for limits only.
 * A layer that asks for nothing holds up nobody for longer than {@link WANT_MS}. While machines read, little is on its way at all.
 */
export class FetchTurns {
  readonly limits: TransferLimits
  readonly order = new TurnOrder()
  readonly #clock: Clock
  /** Those who wanted something lately, or wait. */
  readonly #active = new Set<DownAdmission>()
  readonly #alarm: TokenAlarm
  readonly #rate = new RecentRate()
  #urgentAt = Number.NEGATIVE_INFINITY
  #isRoomAwaited = false
  #isWakeDue = false
  #isWaking = false

  constructor(clock: Clock, limits: TransferLimits) {
    this.#clock = clock
    this.limits = limits
    this.#alarm = new TokenAlarm(limits, undefined, () => this.wake())
  }

  /** Whether a layer may ask for so many bytes now; when not, it gets a turn when it may. */
  admit(seat: DownAdmission, bytes: number, ask: Ask): boolean {
    if (ask.isUrgent) this.#urgentAt = this.#clock.now()
    const isTurn = ask.isUrgent || this.#isTurn(seat, ask)
    const { limit: layer } = seat
    if (isTurn === true && this.limits.tryTakeDown(bytes, { urgent: ask.isUrgent, far: ask.isFar, layer })) {
      if (!ask.isUrgent) {
        this.order.take(seat.share, ask.isHead, bytes)
        this.#want(seat, ask, this.#clock.now())
      }
      return true
    }
    const isForRoom = isTurn === 'room'
    if (!ask.isUrgent) this.#want(seat, ask, isForRoom ? this.#clock.now() : Number.NEGATIVE_INFINITY)
    this.#wait(seat, { ...ask, isForRoom })
    return false
  }

  onBytes(bytes: number, now: number): void {
    this.#rate.add(bytes, now)
  }

  /** Less is on its way: somebody may wait for that. */
  onFreed(): void {
    if (!this.#isRoomAwaited || this.#isWakeDue) return
    this.#isWakeDue = true
    queueMicrotask(() => {
      this.#isWakeDue = false
      this.wake()
    })
  }

  /** It wants nothing until it asks again. */
  forget(seat: DownAdmission): void {
    seat.waits.length = 0
    seat.headWantedAt = Number.NEGATIVE_INFINITY
    seat.restWantedAt = Number.NEGATIVE_INFINITY
    if (this.#active.delete(seat)) this.onFreed()
  }

  /** Gives turns to those who wait, each at most one, the first in order first. */
  wake(): void {
    if (this.#isWaking) return
    this.#isWaking = true
    this.#isRoomAwaited = false
    try {
      const woken = new Set<DownAdmission>()
      for (let seat = this.#next(woken); seat !== undefined; seat = this.#next(woken)) {
        woken.add(seat)
        seat.waits.length = 0
        seat.takeTurn()
      }
    } finally {
      this.#isWaking = false
    }
    for (const seat of this.#active) for (const wait of seat.waits) this.#arm(seat, wait)
  }

  /** `wait`: somebody who goes first waits for the same limit; `room`: somebody goes first, and enough is on its way. */
  #isTurn(seat: DownAdmission, ask: Ask): true | 'wait' | 'room' {
    if (!this.#isRoomBesideReads()) return 'room'
    if (this.#active.size === 0 || (this.#active.size === 1 && this.#active.has(seat))) return true
    const waitMs = this.#limitMs(seat, ask)
    for (const other of this.#active) {
      if (other === seat) continue
      for (const wait of other.waits) {
        if (wait.isUrgent || wait.isForRoom || !this.#isBefore(other, wait, seat, ask)) continue
        // Whoever waits longer waits for a limit that is not ours.
        if (this.#limitMs(other, wait) <= waitMs) return 'wait'
      }
    }
    return this.#mayPass(seat, ask, this.#front()) ? true : 'room'
  }

  /** The first in order of those who found something to ask for lately. */
  #front(): Front | undefined {
    const since = this.#clock.now() - WANT_MS
    let front: Front | undefined
    for (const seat of this.#active) {
      const { headWantedAt, restWantedAt } = seat
      if (headWantedAt <= since && restWantedAt <= since) {
        if (seat.waits.length === 0) this.#active.delete(seat)
        continue
      }
      const isHead = headWantedAt > since
      if (front === undefined || this.#isBefore(seat, { isHead }, front.seat, front)) front = { seat, isHead }
    }
    return front
  }

  #mayPass(seat: DownAdmission, ask: Ask, front: Front | undefined): boolean {
    if (front === undefined || front.seat === seat || !this.#isBefore(front.seat, front, seat, ask)) return true
    // Their windows share a link well enough, and many side by side are not to wait for each other.
    if (this.order.isAlike(front.seat.share, front.isHead, seat.share, ask.isHead)) return true
    if ((ask.isOffer ? seat.offeredBytes : seat.askedBytes) === 0) return true
    const now = this.#clock.now()
    return this.#movingBytes(now) < (this.#rate.at(now) * ROOM_MS) / 1000
  }

  #isRoomBesideReads(): boolean {
    const now = this.#clock.now()
    if (now - this.#urgentAt > READS_MS) return true
    return this.#movingBytes(now) < Math.max(READS_ROOM_BYTES, (this.#rate.at(now) * READS_ROOM_MS) / 1000)
  }

  #movingBytes(now: number): number {
    let bytes = 0
    for (const seat of this.#active) bytes += seat.movingBytes(now)
    return bytes
  }

  #isBefore(one: DownAdmission, ones: OfHead, other: DownAdmission, others: OfHead): boolean {
    return this.order.compare(one.share, ones.isHead, other.share, others.isHead) < 0
  }

  #limitMs({ limit }: DownAdmission, { isUrgent, isFar }: Ask): number {
    return this.limits.downWaitMs({ urgent: isUrgent, far: isFar, layer: limit })
  }

  #want(seat: DownAdmission, { isHead }: Ask, at: number): void {
    this.#active.add(seat)
    if (isHead) seat.headWantedAt = at
    else seat.restWantedAt = at
  }

  #wait(seat: DownAdmission, wait: Wait): void {
    this.#active.add(seat)
    const index = seat.waits.findIndex(
      ({ isUrgent, isFar, isOffer }) => isUrgent === wait.isUrgent && isFar === wait.isFar && isOffer === wait.isOffer,
    )
    if (index < 0) seat.waits.push(wait)
    else if (wait.isHead || seat.waits[index]?.isHead === false) seat.waits[index] = wait
    if (!this.#isWaking) this.#arm(seat, wait)
  }

  #arm(seat: DownAdmission, wait: Wait): void {
    // What could pass and did not waits for others to go first.
    if (this.#limitMs(seat, wait) === 0) wait.isForRoom = true
    if (wait.isForRoom) this.#isRoomAwaited = true
    else if (seat.limit.isLimited && !wait.isUrgent) seat.arm(wait)
    else this.#alarm.arm(wait)
  }

  /** Who goes first of those who may pass now and had no turn yet. */
  #next(woken: ReadonlySet<DownAdmission>): DownAdmission | undefined {
    const front = this.#front()
    const hasRoom = this.#isRoomBesideReads()
    let first: { readonly seat: DownAdmission; readonly wait: Wait } | undefined
    for (const seat of this.#active) {
      if (woken.has(seat)) continue
      for (const wait of seat.waits) {
        wait.isForRoom = false
        if (this.#limitMs(seat, wait) > 0) continue
        if (first !== undefined && !this.#goesFirst(seat, wait, first)) continue
        wait.isForRoom = !wait.isUrgent && !(hasRoom && this.#mayPass(seat, wait, front))
        if (!wait.isForRoom) first = { seat, wait }
      }
    }
    return first?.seat
  }

  #goesFirst(seat: DownAdmission, wait: Wait, first: { readonly seat: DownAdmission; readonly wait: Wait }): boolean {
    if (wait.isUrgent !== first.wait.isUrgent) return wait.isUrgent
    return this.#isBefore(seat, wait, first.seat, first.wait)
  }
}
