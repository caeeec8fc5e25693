import type { GuestDisk } from './disk-image.ts'

const WINDOW_BYTES = 2 * 1024 * 1024

/**
 * The guest offset of the first window of 2 MiB in which two disks differ, `undefined` when they are the same. Only what neither stores is
 * taken for zeros without being read.
 */
export async function firstDifference(
  one: GuestDisk,
  other: GuestDisk,
  {
    signal,
    onProgress,
  }: { signal?: AbortSignal | undefined; onProgress?: ((guestBytes: number) => void) | undefined } = {},
): Promise<number | undefined> {
  const sizeBytes = one.virtualSizeBytes
  if (other.virtualSizeBytes !== sizeBytes) return Math.min(sizeBytes, other.virtualSizeBytes)
  for (let start = 0; start < sizeBytes; start += WINDOW_BYTES) {
    signal?.throwIfAborted()
    const length = Math.min(WINDOW_BYTES, sizeBytes - start)
    const stored = await Promise.all([one, other].map((disk) => disk.stored(start, length, { signal }).next()))
    if (stored.some(({ done }) => !done)) {
      const [mine, theirs] = await Promise.all([one.read(start, length, { signal }), other.read(start, length, { signal })])
      if (!mine.equals(theirs)) return start
    }
    onProgress?.(start + length)
  }
  return undefined
}
