import { type FileHandle, open } from 'node:fs/promises'
import type { RandomAccess } from '../src/random-access.ts'

/** A file as a port; to be closed by who opened it. */
export async function openFile(path: string): Promise<RandomAccess & { close(): Promise<void> }> {
  const handle: FileHandle = await open(path)
  const { size } = await handle.stat()
  return {
    sizeBytes: size,
    read: async (offset, length) => {
      const wanted = Math.max(0, Math.min(length, size - offset))
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, offset)
      return buffer.subarray(0, bytesRead)
    },
    close: () => handle.close(),
  }
}
