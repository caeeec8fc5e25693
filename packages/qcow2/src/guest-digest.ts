import { createHash, hash } from 'node:crypto'
import type { GuestDisk } from './disk-image.ts'

const BLOCK_BYTES = 64 * 1024
const WINDOW_BYTES = 2 * 1024 * 1024
const ZEROS = Buffer.alloc(BLOCK_BYTES)
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
  for (let start = 0; start < disk.virtualSizeBytes; start += WINDOW_BYTES) {
    signal?.throwIfAborted()
    const isEmpty = (await disk.stored(start, WINDOW_BYTES, { signal }).next()).done
    const bytes = isEmpty ? Buffer.alloc(0) : await disk.read(start, WINDOW_BYTES, { signal })
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      const block = bytes.subarray(at, at + BLOCK_BYTES)
      if (block.equals(ZEROS.subarray(0, block.length))) continue
      digest.update(uint64((start + at) / BLOCK_BYTES)).update(hash('sha256', block, 'buffer'))
    }
    onProgress?.(Math.min(start + WINDOW_BYTES, disk.virtualSizeBytes))
  }
  return digest.digest('hex')
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
