import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { type DiskImage, Qcow2Image, type RandomAccess, RawImage } from '@shoal/qcow2'
import type { JobLayer } from './compose-job.ts'
import { composeError } from './errors.ts'

const SECTOR_BYTES = 512

/** An image whose file is open. */
export type OpenLayer = { readonly image: DiskImage } & AsyncDisposable

/** Bytes of a disk as a guest sees them: sectors are whole. */
export function wholeSectors(sizeBytes: number): number {
  return Math.ceil(sizeBytes / SECTOR_BYTES) * SECTOR_BYTES
}

/** Opens a layer's file for reading. Throws `SHOAL_COMPOSE_LAYER_INVALID` and the codes of `qcow2`. */
export async function openLayer(layer: JobLayer): Promise<OpenLayer> {
  const { path, format } = layer
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const { size } = await handle.stat()
    if (size !== layer.sizeBytes) {
      throw composeError('SHOAL_COMPOSE_LAYER_INVALID', {
        path,
        reason: `it has ${size} bytes, not ${layer.sizeBytes}`,
      })
    }
    const sizeBytes = format === 'raw' ? wholeSectors(size) : size
    const read = async (offset: number, length: number) => {
      const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, sizeBytes - offset)))
      let at = 0
      while (at < bytes.length) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, offset + at)
        if (bytesRead === 0) break
        at += bytesRead
      }
      // Only what makes up the last sector may be missing.
      if (offset + at < size) return bytes.subarray(0, at)
      bytes.fill(0, at)
      return bytes
    }
    const source: RandomAccess = { sizeBytes, read }
    const image = format === 'raw' ? new RawImage(source) : await Qcow2Image.open(source)
    return { image, [Symbol.asyncDispose]: () => handle.close() }
  } catch (error) {
    await handle.close()
    throw error
  }
}
