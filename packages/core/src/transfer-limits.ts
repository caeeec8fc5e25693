import type { Clock } from './clock.ts'
import { type DownBuckets, type DownLaneOptions, DownLanes, LayerLimit } from './down-lanes.ts'
import { RateTokens } from './rate-tokens.ts'
import { TakeLane, TakeQueue } from './take-queue.ts'

/** A node's limits on payload, by class. `null`: no limit. */
export interface TransferRates {
  readonly upBytesPerSecond: number | null
  readonly downBytesPerSecond: number | null
  /** Sent to nodes of another rack. */
  readonly crossRackBytesPerSecond: number | null
  /** Received from nodes of another rack and from the origin. */
  readonly crossRackDownBytesPerSecond: number | null
  /** Sent to nodes of the same rack. */
  readonly inRackBytesPerSecond: number | null
  /** Asked for by anything but a read that somebody waits for. */
  readonly prefetchBytesPerSecond: number | null
}

/** Where payload goes: what is known of neither rack counts only against the whole node. */
export type TransferPlace = 'in-rack' | 'cross-rack' | 'unknown'

export interface TakeUpOptions {
  readonly where: TransferPlace
  /** For a read that somebody waits for. */
  readonly urgent?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export interface TakeDownOptions extends DownLaneOptions {
  /** Of one layer that has a limit of its own. */
  readonly layer?: LayerLimit | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The least rate that a class can have: there the smallest slice takes 0.25 s. A block of 256 KiB that is taken in one
 * keeps within 5 % from 1.75 MB/s.
 */
export const MIN_TRANSFER_BYTES_PER_SECOND = 16 * 1024
/**
 * Over any 10 s, half a second of the rate is 5 %. A burst is 0.15 s of it, what the urgent may owe is 0.2 s and a slice
 * is 0.1 s: 4.5 % in all, and 2.5 % while nobody is urgent.
 */
const SLICE_SECONDS = 0.1
/** Below this a slice costs more in calls than it is worth. */
const MIN_SLICE_BYTES = 4 * 1024

export const NO_TRANSFER_LIMITS: TransferRates = Object.freeze({
  upBytesPerSecond: null,
  downBytesPerSecond: null,
  crossRackBytesPerSecond: null,
  crossRackDownBytesPerSecond: null,
  inRackBytesPerSecond: null,
  prefetchBytesPerSecond: null,
})

/**
 * Token buckets for payload by class, changed live; requests, availability and control have none. What a class allows
 * passes within 5 % over any 10 s, as long as it is taken in slices. What is urgent goes before everything else and may
 * go into debt, which the others pay: it waits only when the urgent alone are more than the limit. Without a limit a take
 * costs a comparison.
 */
export class TransferLimits {
  readonly #clock: Clock
  readonly #buckets: Record<keyof TransferRates, RateTokens>
  readonly #up: Record<TransferPlace, { readonly ordinary: TakeLane; readonly urgent: TakeLane }>
  readonly #upQueue: TakeQueue
  readonly #downBuckets: DownBuckets
  readonly #down: DownLanes
  readonly #downQueue: TakeQueue
  #rates: TransferRates

  constructor(clock: Clock, rates: Partial<TransferRates> = {}) {
    this.#clock = clock
    this.#rates = merged(NO_TRANSFER_LIMITS, rates)
    const now = clock.now()
    const bucket = (rate: number | null) => new RateTokens(rate ?? Number.POSITIVE_INFINITY, now)
    const buckets = {
      upBytesPerSecond: bucket(this.#rates.upBytesPerSecond),
      downBytesPerSecond: bucket(this.#rates.downBytesPerSecond),
      crossRackBytesPerSecond: bucket(this.#rates.crossRackBytesPerSecond),
      crossRackDownBytesPerSecond: bucket(this.#rates.crossRackDownBytesPerSecond),
      inRackBytesPerSecond: bucket(this.#rates.inRackBytesPerSecond),
      prefetchBytesPerSecond: bucket(this.#rates.prefetchBytesPerSecond),
    }
    this.#buckets = buckets
    const { upBytesPerSecond: up, downBytesPerSecond: down } = buckets
    const lanes = (...shared: RateTokens[]) => {
      return { ordinary: new TakeLane(shared), urgent: new TakeLane(shared, { isUrgent: true }) }
    }
    this.#up = {
      'in-rack': lanes(up, buckets.inRackBytesPerSecond),
      'cross-rack': lanes(up, buckets.crossRackBytesPerSecond),
      unknown: lanes(up),
    }
    this.#upQueue = new TakeQueue(clock)
    const { prefetchBytesPerSecond: prefetch, crossRackDownBytesPerSecond: crossRackDown } = buckets
    this.#downBuckets = { down, prefetch, crossRackDown }
    this.#down = new DownLanes(this.#downBuckets)
    this.#downQueue = new TakeQueue(clock)
  }

  get rates(): TransferRates {
    return this.#rates
  }

  /** Takes effect at once, for those who wait as well. What is not named stays as it is. */
  set(rates: Partial<TransferRates>): void {
    this.#rates = merged(this.#rates, rates)
    const now = this.#clock.now()
    for (const name of RATE_NAMES) this.#buckets[name].setRate(this.#rates[name] ?? Number.POSITIVE_INFINITY, now)
    this.#upQueue.pump()
    this.#downQueue.pump()
  }

  /** False when sending there needs no take at all. */
  isUpLimited(where: TransferPlace): boolean {
    return this.#up[where].ordinary.isLimited
  }

  /** False when asking needs no take at all. */
  isDownLimited(options: TakeDownOptions = {}): boolean {
    return this.#downLane(options).isLimited
  }

  /** A limit for what is received of one layer; none until {@link setLayerRate}. */
  newLayerLimit(): LayerLimit {
    return new LayerLimit(this.#downBuckets, this.#clock.now())
  }

  /** Takes effect at once, for those who wait as well. `null`: no limit. A TypeError unless it is above 0. */
  setLayerRate(layer: LayerLimit, rateBytesPerSecond: number | null): void {
    layer.tokens.setRate(rateBytesPerSecond ?? Number.POSITIVE_INFINITY, this.#clock.now())
    this.#downQueue.pump()
  }

  /** As `takeUp`, but at once or not at all and without a promise; true when taken. Overtakes nobody who waits. */
  tryTakeUp(bytes: number, { where, urgent = false }: TakeUpOptions): boolean {
    const { [where]: lanes } = this.#up
    return this.#upQueue.tryTake(urgent ? lanes.urgent : lanes.ordinary, bytes)
  }

  /** As `takeDown`, but at once or not at all and without a promise; true when taken. Overtakes nobody who waits. */
  tryTakeDown(bytes: number, options: TakeDownOptions = {}): boolean {
    return this.#downQueue.tryTake(this.#downLane(options), bytes)
  }

  /** How long until such a take may pass, as far as the limits go; 0 when it may now. */
  downWaitMs(options: TakeDownOptions = {}): number {
    return this.#downLane(options).waitMs(this.#clock.now())
  }

  /**
   * Before payload is sent: the node's own limit and that of the place it goes to. Resolves when `bytes` may pass; rejects
   * with the signal's reason when aborted while waiting, and has taken nothing then.
   */
  takeUp(bytes: number, { where, urgent = false, signal }: TakeUpOptions): Promise<void> {
    const { [where]: lanes } = this.#up
    return this.#upQueue.take(urgent ? lanes.urgent : lanes.ordinary, bytes, signal)
  }

  /**
   * Before payload is asked for: the node's own limit and that of what comes from other racks, and unless urgent those of prefetching
   * and of the layer. Otherwise as `takeUp`.
   */
  takeDown(bytes: number, options: TakeDownOptions = {}): Promise<void> {
    return this.#downQueue.take(this.#downLane(options), bytes, options.signal)
  }

  /** The most that may be taken at once for sending, now, so that a low rate holds over 10 s; `Infinity` with no limit. */
  sliceBytes(where: TransferPlace): number {
    let slice = Number.POSITIVE_INFINITY
    for (const { rateBytesPerSecond } of this.#up[where].ordinary.buckets) {
      slice = Math.min(slice, Math.max(MIN_SLICE_BYTES, Math.floor(rateBytesPerSecond * SLICE_SECONDS)))
    }
    return slice
  }

  #downLane(options: TakeDownOptions): TakeLane {
    const { layer } = options
    return (layer?.isLimited === true ? layer.lanes : this.#down).of(options)
  }
}

const RATE_NAMES = Object.keys(NO_TRANSFER_LIMITS) as (keyof TransferRates)[]

function merged(before: TransferRates, change: Partial<TransferRates>): TransferRates {
  const pick = (name: keyof TransferRates): number | null => {
    const rate = change[name]
    if (rate === undefined) return before[name]
    if (rate === null || (Number.isFinite(rate) && rate >= MIN_TRANSFER_BYTES_PER_SECOND)) return rate
    throw new TypeError(`${name} is ${rate}: null, or at least ${MIN_TRANSFER_BYTES_PER_SECOND}`)
  }
  return Object.freeze({
    upBytesPerSecond: pick('upBytesPerSecond'),
    downBytesPerSecond: pick('downBytesPerSecond'),
    crossRackBytesPerSecond: pick('crossRackBytesPerSecond'),
    crossRackDownBytesPerSecond: pick('crossRackDownBytesPerSecond'),
    inRackBytesPerSecond: pick('inRackBytesPerSecond'),
    prefetchBytesPerSecond: pick('prefetchBytesPerSecond'),
  })
}
