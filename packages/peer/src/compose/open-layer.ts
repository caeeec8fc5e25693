import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { type DiskImage, Qcow2Image, type RandomAccess, RawImage } from '@shoal/qcow2'
import { fileAccess } from '@shoal/qcow2/file-access'
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
    const file = fileAccess(handle, size)
    const read: RandomAccess['read'] = async (offset, length, options) => {
      const bytes = await file.read(offset, length, options)
      // Only what makes up the last sector may be missing.
      const missing = Math.min(length, sizeBytes - offset) - bytes.length
      return missing <= 0 || offset + bytes.length < size ? bytes : Buffer.concat([bytes], bytes.length + missing)
    }
    const source: RandomAccess = size === sizeBytes ? file : { sizeBytes, read }
    const image = format === 'raw' ? new RawImage(source) : await Qcow2Image.open(source)
    return { image, [Symbol.asyncDispose]: () => handle.close() }
  } catch (error) {
    await handle.close()
    throw error
  }
}
