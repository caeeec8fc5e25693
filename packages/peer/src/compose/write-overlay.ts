import { type BackingReference, Qcow2Writer, withBacking } from '@shoal/qcow2'
import { type ChainLayer, layersImage } from './chain-description.ts'
import { createDiskFile } from './disk-file.ts'
import { wholeSectors } from './open-layer.ts'

const CLUSTER_BITS = 16
/** What the format has room for. */
const MAX_NAME_BYTES = 1023

/**
 * Writes an empty qcow2 image above a chain, and syncs it. Its header names the whole chain, so that it shows the right
 * disk to whoever opens it without a description. With paths too long for that it names nothing. Returns what
 * identifies the file.
 */
export function writeOverlay(
  path: string,
  { virtualSizeBytes, layers }: { virtualSizeBytes: number; layers: readonly ChainLayer[] },
): Promise<string> {
  return writeEmptyImage(path, { virtualSizeBytes, backing: backingReference(layers) })
}

/** Writes an empty qcow2 image above what its header is to name, and syncs it. Returns what identifies the file. */
export async function writeEmptyImage(
  path: string,
  { virtualSizeBytes, backing }: { virtualSizeBytes: number; backing: BackingReference | undefined },
): Promise<string> {
  await using file = await createDiskFile(path)
  const sink = {
    // The header is written as one whole cluster.
    write: (offset: number, bytes: Buffer) => file.write(offset, offset === 0 ? withBacking(bytes, backing) : bytes),
  }
  const format = { clusterBits: CLUSTER_BITS, compression: 'none', level: 0 } as const
  await new Qcow2Writer(sink, { ...format, virtualSizeBytes: wholeSectors(virtualSizeBytes) }).finish()
  return await file.finish()
}

/** A middle must not be named by its path: its own header says nothing of its base. */
function backingReference(layers: readonly ChainLayer[]): BackingReference | undefined {
  const [top] = layers
  if (top === undefined) return undefined
  const path = layersImage(layers)
  return Buffer.byteLength(path) > MAX_NAME_BYTES ? undefined : { path, format: top.format }
}
