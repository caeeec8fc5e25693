import { PredictorWeight } from './predictor-weight.ts'

const HOUR_MS = 3_600_000
/**
 * After so long a use counts for half. The first follows a burst, the second a day, the third tells what is always wanted; each log finds out
 * by itself which of them foretells its uses.
 */
const HALF_LIVES_MS = [3 * HOUR_MS, 24 * HOUR_MS, 8 * 24 * HOUR_MS]
/** What counts for less than so many uses, even by the longest half-life, is forgotten when counts are brought down. */
const FORGOTTEN = 0.001
/** Numbers are brought down before they lose digits. */
const LARGEST_UNIT = 2 ** 300

/** A log as it is stored. */
export interface UseLogRecord<Key> {
  readonly halfLivesMs: readonly number[]
  readonly beganAt: number
  readonly counts: readonly (readonly [Key, readonly number[]])[]
  readonly trust: readonly number[]
}

/** How often each of many things was used, recent uses counting more. It remembers what is not held any more. */
export class UseLog<Key> {
  /** By half-life. They do not shrink as time goes by: a new use counts more instead. */
  readonly #counts = new Map<Key, Float64Array>()
  readonly #totals = new Float64Array(HALF_LIVES_MS.length)
  /** What a use counts now. */
  readonly #units = new Float64Array(HALF_LIVES_MS.length).fill(1)
  /** Trust in each half-life against all that are longer. */
  readonly #trust: readonly PredictorWeight[]
  #beganAt: number | undefined
  #now = 0

  constructor(trust: readonly number[] = []) {
    this.#trust = HALF_LIVES_MS.slice(1).map((_, index) => new PredictorWeight(trust[index]))
  }

  /** A log as it was stored; an empty one when it was stored by other half-lives. */
  static restore<Key>({ halfLivesMs, beganAt, counts, trust }: UseLogRecord<Key>): UseLog<Key> {
    if (halfLivesMs.join() !== HALF_LIVES_MS.join()) return new UseLog()
    const log = new UseLog<Key>(trust)
    log.#beganAt = beganAt
    log.#now = beganAt
    for (const [key, each] of counts) {
      log.#counts.set(key, Float64Array.from(each))
      log.#addToTotals(each)
    }
    return log
  }

  snapshot(): UseLogRecord<Key> {
    this.#bringDown()
    const counts = [...this.#counts].map(([key, each]) => [key, [...each]] as const)
    const trust = this.#trust.map(({ value }) => value)
    return { halfLivesMs: HALF_LIVES_MS, beganAt: this.#now, counts, trust }
  }

  add(key: Key, nowMs: number): void {
    this.#advance(nowMs)
    const counts = this.#counts.get(key) ?? new Float64Array(HALF_LIVES_MS.length)
    this.#mix(counts, (trust, shorter, longer) => trust.see(shorter, longer))
    this.#counts.set(key, counts)
    for (const [index, unit] of this.#units.entries()) counts[index] = (counts[index] ?? 0) + unit
    this.#addToTotals(this.#units)
  }

  /** Its part of all uses, from 0 to 1; a little for what was never used. */
  share(key: Key, nowMs: number): number {
    this.#advance(nowMs)
    return this.#mix(this.#counts.get(key))
  }

  /** What all half-lives say together, as far as each is trusted. */
  #mix(
    counts: Float64Array | undefined,
    onMixed?: (trust: PredictorWeight, shorter: number, longer: number) => void,
  ): number {
    let mixed = this.#shareBy(HALF_LIVES_MS.length - 1, counts)
    for (let index = HALF_LIVES_MS.length - 2; index >= 0; index -= 1) {
      const trust = this.#trust[index]
      if (trust === undefined) continue
      const share = this.#shareBy(index, counts)
      const weight = trust.value
      onMixed?.(trust, share, mixed)
      mixed = weight * share + (1 - weight) * mixed
    }
    return mixed
  }

  /** One use more is shared by all that are known: nothing is impossible (Laplace's rule, with less weight). */
  #shareBy(index: number, counts: Float64Array | undefined): number {
    const unit = this.#units[index] ?? 1
    return ((counts?.[index] ?? 0) + unit / (this.#counts.size + 1)) / ((this.#totals[index] ?? 0) + unit)
  }

  #advance(nowMs: number): void {
    if (nowMs <= this.#now) return
    this.#now = nowMs
    this.#beganAt ??= nowMs
    for (const [index, halfLifeMs] of HALF_LIVES_MS.entries()) {
      this.#units[index] = 2 ** ((nowMs - this.#beganAt) / halfLifeMs)
    }
    if ((this.#units[0] ?? 1) > LARGEST_UNIT) this.#bringDown()
  }

  /** Counts from now on in uses of now. */
  #bringDown(): void {
    this.#totals.fill(0)
    for (const [key, counts] of this.#counts) {
      for (const [index, unit] of this.#units.entries()) counts[index] = (counts[index] ?? 0) / unit
      if ((counts.at(-1) ?? 0) < FORGOTTEN) this.#counts.delete(key)
      else this.#addToTotals(counts)
    }
    this.#units.fill(1)
    this.#beganAt = this.#now
  }

  #addToTotals(counts: Iterable<number>): void {
    let index = 0
    for (const count of counts) {
      this.#totals[index] = (this.#totals[index] ?? 0) + count
      index += 1
    }
  }
}
