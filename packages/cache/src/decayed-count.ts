/** A count of events in which each is worth half after `halfLifeMs`: as of `atMs`. */
export interface DecayedCount {
  readonly value: number
  readonly atMs: number
}

/** What is left of a count at a later time. */
export function decayed({ value, atMs }: DecayedCount, nowMs: number, halfLifeMs: number): number {
  return value * 0.5 ** (Math.max(0, nowMs - atMs) / halfLifeMs)
}
