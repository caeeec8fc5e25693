import { isPart, isRecord } from './stored-value.ts'

/** A {@link UseLog} as it is stored: what JSON can hold. */
export interface UseLogRecord<Key> {
  readonly halfLivesMs: readonly number[]
  readonly beganAt: number
  readonly counts: readonly (readonly [Key, readonly number[]])[]
  /** In each half-life but the last. */
  readonly trust: readonly number[]
}

/** Whether a stored value is a log that was counted by these half-lives. Keys are taken as they are. */
export function isUseLogRecord<Key>(value: unknown, halfLivesMs: readonly number[]): value is UseLogRecord<Key> {
  if (!isRecord(value)) return false
  const { halfLivesMs: stored, beganAt, counts, trust } = value
  if (!Array.isArray(stored) || stored.join() !== halfLivesMs.join()) return false
  if (typeof beganAt !== 'number' || !Number.isFinite(beganAt)) return false
  const isCount = (each: unknown) => {
    if (!Array.isArray(each) || each.length !== 2 || !Array.isArray(each[1])) return false
    return each[1].length === halfLivesMs.length && each[1].every((count) => Number.isFinite(count) && count >= 0)
  }
  return Array.isArray(counts) && counts.every(isCount) && Array.isArray(trust) && trust.every(isPart)
}
