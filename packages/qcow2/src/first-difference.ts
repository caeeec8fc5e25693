import type { GuestDisk } from './disk-image.ts'
import { type GuestRange, partsWithin } from './guest-range.ts'

const WINDOW_BYTES = 2 * 1024 * 1024

export interface DifferenceOptions {
  /** Sorted ranges in which they may differ. */
  readonly except?: readonly GuestRange[] | undefined
  readonly signal?: AbortSignal | undefined
  /** Guest bytes that were gone through. */
  readonly onProgress?: ((guestBytes: number) => void) | undefined
}

/**
 * The guest offset of the first window of 2 MiB in which two disks differ, `undefined` when they are the same. Only what neither stores is
 * taken for zeros without being read.
 */
export async function firstDifference(
  one: GuestDisk,
  other: GuestDisk,
  { except = [], signal, onProgress }: DifferenceOptions = {},
): Promise<number | undefined> {
  const sizeBytes = one.virtualSizeBytes
  if (other.virtualSizeBytes !== sizeBytes) return Math.min(sizeBytes, other.virtualSizeBytes)
  for (let start = 0; start < sizeBytes; start += WINDOW_BYTES) {
    signal?.throwIfAborted()
    const length = Math.min(WINDOW_BYTES, sizeBytes - start)
    const stored = await Promise.all([one, other].map((disk) => disk.stored(start, length, { signal }).next()))
    if (stored.some(({ done }) => !done)) {
      const [mine, theirs] = await Promise.all([
        one.read(start, length, { signal }),
        other.read(start, length, { signal }),
      ])
      for (const part of partsWithin(except, start, length)) theirs.copy(mine, part.start, part.start, part.end)
      if (!mine.equals(theirs)) return start
    }
    onProgress?.(start + length)
  }
  return undefined
}
