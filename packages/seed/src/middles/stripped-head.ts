import { open } from 'node:fs/promises'
import { MAX_HEADER_BYTES, type RandomAccess, readHeader, withBacking } from '@shoal/qcow2'
import { fileSink } from '@shoal/qcow2/file-access'

/** The first cluster of a qcow2 file without the name of a backing file; `undefined` when it has none. */
export async function strippedHead(source: RandomAccess): Promise<Buffer | undefined> {
  const head = await source.read(0, Math.min(MAX_HEADER_BYTES, source.sizeBytes))
  const { backingName, clusterBytes } = readHeader(head)
  return backingName === undefined ? undefined : withBacking(head.subarray(0, clusterBytes), undefined)
}

/** Writes the first bytes of a file that is there; whoever adopts it makes them durable. */
export async function writeHead(path: string, head: Buffer): Promise<void> {
  await using file = await open(path, 'r+')
  await fileSink(file).write(0, head)
}
