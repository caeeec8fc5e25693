import type { GuestDisk } from './disk-image.ts'
import { diskWindows } from './disk-windows.ts'
import { type GuestRange, partsWithin } from './guest-range.ts'
import { readAhead, slotBuffers } from './read-ahead.ts'

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
  const buffers = [slotBuffers(WINDOW_BYTES), slotBuffers(WINDOW_BYTES)] as const
  const compare = async ({ start, length }: GuestRange, slot: number) => {
    const next = Math.min(start + length, sizeBytes)
    const stored = await Promise.all([one, other].map((disk) => disk.stored(start, length, { signal }).next()))
    if (stored.every(({ done }) => done)) return { start, next, isSame: true }
    const [mine, theirs] = await Promise.all([
      one.read(start, length, { signal, into: buffers[0][slot] }),
      other.read(start, length, { signal, into: buffers[1][slot] }),
    ])
    for (const part of partsWithin(except, start, length)) theirs.copy(mine, part.start, part.start, part.end)
    return { start, next, isSame: mine.equals(theirs) }
  }
  for await (const { start, next, isSame } of readAhead(diskWindows(sizeBytes, WINDOW_BYTES), compare)) {
    signal?.throwIfAborted()
    if (!isSame) return start
    onProgress?.(next)
  }
  return undefined
}
