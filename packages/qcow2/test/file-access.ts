import { open } from 'node:fs/promises'
import type { RandomAccess, RandomWrite } from '../src/random-access.ts'

/** A file to be read; to be closed by who opened it. */
export async function openFile(path: string): Promise<RandomAccess & { close(): Promise<void> }> {
  const handle = await open(path)
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

/** A new file to be written, of the given size at first; to be closed by who created it. */
export async function createFile(path: string, sizeBytes = 0): Promise<RandomWrite & { close(): Promise<void> }> {
  const handle = await open(path, 'wx')
  await handle.truncate(sizeBytes)
  return {
    write: async (offset, bytes) => void (await handle.write(bytes, 0, bytes.length, offset)),
    close: () => handle.close(),
  }
}
