import {
  Chain,
  type DiskImage,
  LAYER_FORMAT,
  type Qcow2Image,
  type RandomWrite,
  withBacking,
  writeLayer,
} from '@shoal/qcow2'
import type { DiskFile } from './disk-file.ts'

interface WriteOptions {
  readonly signal: AbortSignal
  readonly onProgress: (doneBytes: number) => void
}

const COPY_BYTES = 4 * 1024 * 1024
/** Writes an overlay as it is, but for the name of its backing file. Progress is in bytes of the file. */
export async function copyStripped(
  { file, image }: { readonly file: DiskFile; readonly image: Qcow2Image },
  sink: RandomWrite,
  { signal, onProgress }: WriteOptions,
): Promise<void> {
  const { clusterBytes } = image.header
  const first = await file.read(0, clusterBytes, { signal })
  await sink.write(0, withBacking(first, undefined).subarray(0, file.sizeBytes))
  for (let at = clusterBytes; at < file.sizeBytes; at += COPY_BYTES) {
    const bytes = await file.read(at, COPY_BYTES, { signal })
    await sink.write(at, bytes)
    onProgress(at + bytes.length)
  }
}

/** Writes what an overlay changes of its base anew, compressed. Progress is in bytes of the disk. */
export async function writeCompressed(
  { overlay, base }: { readonly overlay: Qcow2Image; readonly base: DiskImage },
  sink: RandomWrite,
  options: WriteOptions,
): Promise<void> {
  await writeLayer({ disk: new Chain([overlay, base]), base: new Chain([base]) }, sink, { ...LAYER_FORMAT, ...options })
}
