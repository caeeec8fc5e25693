import { open } from 'node:fs/promises'
import { fileAccess, fileSink } from '../src/file-access.ts'
import type { RandomAccess, RandomWrite } from '../src/random-access.ts'

/** A file to be read; to be closed by who opened it. */
export async function openFile(path: string): Promise<RandomAccess & { close(): Promise<void> }> {
  const handle = await open(path)
  return { ...fileAccess(handle, (await handle.stat()).size), close: () => handle.close() }
}

/** A new file to be written, of the given size at first; to be closed by who created it. */
export async function createFile(path: string, sizeBytes = 0): Promise<RandomWrite & { close(): Promise<void> }> {
  const handle = await open(path, 'wx')
  await handle.truncate(sizeBytes)
  return { ...fileSink(handle), close: () => handle.close() }
}
