import { createHash, hash } from 'node:crypto'
import type { GuestDisk } from './disk-image.ts'
import { diskWindows } from './disk-windows.ts'
import type { GuestRange } from './guest-range.ts'
import { readAhead, slotBuffers } from './read-ahead.ts'

const BLOCK_BYTES = 64 * 1024
const WINDOW_BYTES = 2 * 1024 * 1024
const ZEROS = Buffer.alloc(BLOCK_BYTES)
const NOTHING = Buffer.alloc(0)
const MAGIC = 'SHOALGD1'

/**
 * The digest of what a guest sees, whatever formats and layers show it: see docs/formats/guest-digest.md. Lower-case hexadecimal of
 * SHA-256. Zeros cost nothing.
 */
export async function guestDigest(
  disk: GuestDisk,
  {
    signal,
    onProgress,
  }: { signal?: AbortSignal | undefined; onProgress?: ((guestBytes: number) => void) | undefined } = {},
): Promise<string> {
  const digest = createHash('sha256')
  digest.update(Buffer.concat([Buffer.from(MAGIC, 'latin1'), uint64(disk.virtualSizeBytes)]))
  const buffers = slotBuffers(WINDOW_BYTES)
  const read = async ({ start, length }: GuestRange, slot: number) => {
    const isEmpty = (await disk.stored(start, length, { signal }).next()).done
    const bytes = isEmpty ? NOTHING : await disk.read(start, length, { signal, into: buffers[slot] })
    return { start, end: start + length, bytes }
  }
  for await (const { start, end, bytes } of readAhead(diskWindows(disk.virtualSizeBytes, WINDOW_BYTES), read)) {
    signal?.throwIfAborted()
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      const block = bytes.subarray(at, at + BLOCK_BYTES)
      if (block.equals(ZEROS.subarray(0, block.length))) continue
      digest.update(uint64((start + at) / BLOCK_BYTES)).update(hash('sha256', block, 'buffer'))
    }
    onProgress?.(end)
  }
  return digest.digest('hex')
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
