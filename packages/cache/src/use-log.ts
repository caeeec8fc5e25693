import { PredictorWeight } from './predictor-weight.ts'
import { isUseLogRecord, type UseLogRecord } from './use-log-record.ts'

const HOUR_MS = 3_600_000
/**
 * After so long a use counts for half. The first follows bursts and the time of day, the second days, the third tells
 * what is always wanted; each log finds out by itself which of them foretells its uses (bench/cache).
 */
const HALF_LIVES_MS = [8 * HOUR_MS, 4 * 24 * HOUR_MS, 48 * 24 * HOUR_MS]
/** What counts for less than so many uses, even by the longest half-life, is forgotten when counts are brought down. */
const FORGOTTEN = 0.001
/** Numbers are brought down before they lose digits. */
const LARGEST_UNIT = 2 ** 300
/** A log remembers so many things, and forgets those with the smallest shares when there are a quarter more. */
const MAX_KEYS = 10_000
const MOST_KEYS = MAX_KEYS * 1.25

/** How often each of many things was used, recent uses counting more. It remembers what is not held any more. */
export class UseLog<Key> {
  /** By half-life. They do not shrink as time goes by: a new use counts more instead. */
  readonly #counts = new Map<Key, Float64Array>()
  readonly #totals = new Float64Array(HALF_LIVES_MS.length)
  /** What a use counts now. */
  readonly #units = new Float64Array(HALF_LIVES_MS.length).fill(1)
  /** Trust in each half-life against all that are longer. */
  readonly #trust: readonly PredictorWeight[]
  /** What a count of one adds to a share, by half-life, and the share of what was never used; until something changes. */
  readonly #shareOfOne = new Float64Array(HALF_LIVES_MS.length)
  #shareOfNone = 1
  #isMixed = false
  #beganAt: number | undefined
  #now = Number.NEGATIVE_INFINITY

  constructor(trust: readonly number[] = []) {
    this.#trust = HALF_LIVES_MS.slice(1).map((_, index) => new PredictorWeight(trust[index]))
  }

  /** A log as it was stored; an empty one when what was stored is not a log, or was counted by other half-lives. */
  static restore<Key>(record: unknown): UseLog<Key> {
    if (!isUseLogRecord<Key>(record, HALF_LIVES_MS)) return new UseLog()
    const log = new UseLog<Key>(record.trust)
    log.#beganAt = record.beganAt
    log.#now = record.beganAt
    for (const [key, each] of record.counts) {
      log.#counts.set(key, Float64Array.from(each))
      log.#addToTotals(each)
    }
    return log
  }

  /** As of the last use when no time is given. */
  snapshot(nowMs = this.#now): UseLogRecord<Key> {
    this.#advance(nowMs)
    if (this.#counts.size > MAX_KEYS) this.#forgetSmallest()
    this.#bringDown()
    const counts = [...this.#counts].map(([key, each]) => [key, [...each]] as const)
    const trust = this.#trust.map(({ value }) => value)
    return { halfLivesMs: HALF_LIVES_MS, beganAt: this.#beganAt ?? 0, counts, trust }
  }

  add(key: Key, nowMs: number, count = 1): void {
    this.#advance(nowMs)
    const counts = this.#counts.get(key) ?? new Float64Array(HALF_LIVES_MS.length)
    this.#learn(counts)
    this.#counts.set(key, counts)
    for (const [index, unit] of this.#units.entries()) {
      counts[index] = (counts[index] ?? 0) + unit * count
      this.#totals[index] = (this.#totals[index] ?? 0) + unit * count
    }
    this.#isMixed = false
    if (this.#counts.size > MOST_KEYS) this.#forgetSmallest()
  }

  /** Its part of all uses, from 0 to 1; a little for what was never used. */
  share(key: Key, nowMs: number): number {
    this.#advance(nowMs)
    return this.#shareOf(this.#counts.get(key))
  }

  /** The shares of all that are remembered. */
  shares(nowMs: number): Map<Key, number> {
    this.#advance(nowMs)
    return new Map([...this.#counts].map(([key, counts]) => [key, this.#shareOf(counts)]))
  }

  /** Shows which half-lives foretold a use. */
  #learn(counts: Float64Array): void {
    let mixed = this.#shareBy(HALF_LIVES_MS.length - 1, counts)
    for (let index = HALF_LIVES_MS.length - 2; index >= 0; index -= 1) {
      const trust = this.#trust[index]
      if (trust === undefined) continue
      const share = this.#shareBy(index, counts)
      const weight = trust.value
      trust.see(share, mixed)
      mixed = weight * share + (1 - weight) * mixed
    }
  }

  /** What all half-lives say together, as far as each is trusted. */
  #shareOf(counts: Float64Array | undefined): number {
    if (!this.#isMixed) this.#mix()
    let share = this.#shareOfNone
    if (counts === undefined) return share
    for (let index = 0; index < HALF_LIVES_MS.length; index += 1) {
      share += (counts[index] ?? 0) * (this.#shareOfOne[index] ?? 0)
    }
    return share
  }

  #mix(): void {
    this.#isMixed = true
    this.#shareOfNone = 0
    let left = 1
    for (const [index, unit] of this.#units.entries()) {
      const weight = left * (this.#trust[index]?.value ?? 1)
      left -= weight
      this.#shareOfOne[index] = weight / ((this.#totals[index] ?? 0) + unit)
      this.#shareOfNone += weight * this.#shareBy(index)
    }
  }

  /** One use more is shared by all that are known: nothing is impossible (Laplace's rule, with less weight). */
  #shareBy(index: number, counts?: Float64Array): number {
    const unit = this.#units[index] ?? 1
    return ((counts?.[index] ?? 0) + unit / (this.#counts.size + 1)) / ((this.#totals[index] ?? 0) + unit)
  }

  #advance(nowMs: number): void {
    if (nowMs <= this.#now) return
    this.#now = nowMs
    this.#isMixed = false
    this.#beganAt ??= nowMs
    for (const [index, halfLifeMs] of HALF_LIVES_MS.entries()) {
      this.#units[index] = 2 ** ((nowMs - this.#beganAt) / halfLifeMs)
    }
    if ((this.#units[0] ?? 1) > LARGEST_UNIT) this.#bringDown()
  }

  /** Counts from now on in uses of now. */
  #bringDown(): void {
    if (this.#beganAt === undefined) return
    this.#isMixed = false
    this.#totals.fill(0)
    for (const [key, counts] of this.#counts) {
      for (const [index, unit] of this.#units.entries()) counts[index] = (counts[index] ?? 0) / unit
      if ((counts.at(-1) ?? 0) < FORGOTTEN) this.#counts.delete(key)
      else this.#addToTotals(counts)
    }
    this.#units.fill(1)
    this.#beganAt = this.#now
  }

  #forgetSmallest(): void {
    const ranked = [...this.shares(this.#now)].sort(([, one], [, other]) => other - one)
    for (const [key] of ranked.slice(MAX_KEYS)) this.#counts.delete(key)
    this.#bringDown()
  }

  #addToTotals(counts: Iterable<number>): void {
    let index = 0
    for (const count of counts) {
      this.#totals[index] = (this.#totals[index] ?? 0) + count
      index += 1
    }
  }
}
