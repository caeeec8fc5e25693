/** What may pass at once after a rest, as time at the full rate. */
export const BURST_SECONDS = 0.15

/**
 * The tokens of one bucket and nothing else: no queue and no clock. They may go below nothing, as a debt that whoever
 * comes next waits for; so a take of any size works and the long-run rate holds.
 */
export class RateTokens {
  #rate: number
  readonly #fixedBurstBytes: number | undefined
  #tokens: number
  #updatedAt: number

  constructor(rateBytesPerSecond: number, nowMs: number, burstBytes?: number) {
    this.#rate = checkedRate(rateBytesPerSecond)
    this.#fixedBurstBytes = burstBytes
    this.#tokens = this.isLimited ? this.#burstBytes : 0
    this.#updatedAt = nowMs
  }

  /** `Infinity` when there is no limit. */
  get rateBytesPerSecond(): number {
    return this.#rate
  }

  get isLimited(): boolean {
    return this.#rate !== Number.POSITIVE_INFINITY
  }

  /** What was earned until now stays earned, but a debt never takes longer to pay than it would have at the old rate. */
  setRate(rateBytesPerSecond: number, nowMs: number): void {
    checkedRate(rateBytesPerSecond)
    if (rateBytesPerSecond === this.#rate) return
    this.#refill(nowMs)
    const wasLimited = this.isLimited
    const owedSeconds = wasLimited ? -this.#tokens / this.#rate : 0
    this.#rate = rateBytesPerSecond
    if (!wasLimited || !this.isLimited) this.#tokens = 0
    else this.#tokens = Math.max(Math.min(this.#tokens, this.#burstBytes), -owedSeconds * rateBytesPerSecond)
  }

  /** How long until the next take may pass, which may add to a debt of `debtSeconds` at the full rate; 0 when it may now. */
  waitMs(nowMs: number, debtSeconds: number): number {
    if (!this.isLimited) return 0
    this.#refill(nowMs)
    const missing = -this.#tokens - debtSeconds * this.#rate
    // A timer that is exact leaves a rounding error, which is not worth another timer.
    return missing < ROUNDING_BYTES ? 0 : (missing / this.#rate) * 1000
  }

  debit(bytes: number): void {
    if (this.isLimited) this.#tokens -= bytes
  }

  get #burstBytes(): number {
    return this.#fixedBurstBytes ?? this.#rate * BURST_SECONDS
  }

  #refill(nowMs: number): void {
    // A clock that was set back gives nothing, and takes nothing either.
    const gained = this.isLimited ? (Math.max(0, nowMs - this.#updatedAt) / 1000) * this.#rate : 0
    this.#tokens = Math.min(this.#burstBytes, this.#tokens + gained)
    this.#updatedAt = nowMs
  }
}

const ROUNDING_BYTES = 0.001

function checkedRate(rateBytesPerSecond: number): number {
  if (!(rateBytesPerSecond > 0)) throw new TypeError(`rate ${rateBytesPerSecond}`)
  return rateBytesPerSecond
}
