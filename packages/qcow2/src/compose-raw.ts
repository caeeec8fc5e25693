import type { GuestDisk } from './disk-image.ts'
import type { GuestRange } from './guest-range.ts'
import type { RandomWrite } from './random-access.ts'
import { readAhead, slotBuffers } from './read-ahead.ts'

/** Guest bytes that are read at a time. */
const WINDOW_BYTES = 1024 * 1024
/** Zeros are left out in runs of this many bytes, the block of common file systems. */
const HOLE_BYTES = 4096
const ZEROS = Buffer.alloc(HOLE_BYTES)

export interface ComposeOptions {
  readonly signal?: AbortSignal | undefined
  /** Guest bytes that were gone through, out of the virtual size. */
  readonly onProgress?: ((guestBytes: number) => void) | undefined
}

/**
 * Writes the guest bytes of a disk into a new file of its virtual size, which the caller has made; zeros are left out. Returns the bytes
 * that were written.
 */
export async function composeRaw(disk: GuestDisk, sink: RandomWrite, options: ComposeOptions = {}): Promise<number> {
  const { signal, onProgress } = options
  const buffers = slotBuffers(WINDOW_BYTES)
  const read = async ({ start, length }: GuestRange, slot: number) => {
    return { start, bytes: await disk.read(start, length, { signal, into: buffers[slot] }) }
  }
  let writtenBytes = 0
  for await (const { start, bytes } of readAhead(windows(disk, options), read)) {
    signal?.throwIfAborted()
    for (const run of dataRuns(bytes)) {
      await sink.write(start + run.start, bytes.subarray(run.start, run.end))
      writtenBytes += run.end - run.start
    }
    onProgress?.(start + bytes.length)
  }
  onProgress?.(disk.virtualSizeBytes)
  return writtenBytes
}

/** What is stored, cut into windows. */
async function* windows(disk: GuestDisk, { signal }: ComposeOptions) {
  for await (const { start, length } of disk.stored(0, disk.virtualSizeBytes, { signal })) {
    for (let at = start; at < start + length; at += WINDOW_BYTES) {
      yield { start: at, length: Math.min(WINDOW_BYTES, start + length - at) }
    }
  }
}

/** The runs of a buffer that are not zeros, by whole blocks. */
export function* dataRuns(bytes: Buffer): Generator<{ start: number; end: number }> {
  let start: number | undefined
  for (let at = 0; at < bytes.length; at += HOLE_BYTES) {
    const block = bytes.subarray(at, at + HOLE_BYTES)
    const isZero = block.equals(block.length === HOLE_BYTES ? ZEROS : ZEROS.subarray(0, block.length))
    if (!isZero) start ??= at
    else if (start !== undefined) {
      yield { start, end: at }
      start = undefined
    }
  }
  if (start !== undefined) yield { start, end: bytes.length }
}
