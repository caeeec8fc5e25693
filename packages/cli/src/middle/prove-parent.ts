import { createHash } from 'node:crypto'
import type { Layer } from '@shoal/api'
import { Chain, type DiskImage, type GuestDisk, Qcow2Image, RawImage } from '@shoal/qcow2'
import { cliError } from '../errors.ts'
import { shortDigest } from '../resolve/layer.ts'
import type { DiskFile } from './disk-file.ts'
import type { BackingPlace } from './find-backing.ts'

interface ProofOptions {
  readonly signal: AbortSignal
  /** Bytes of the backing file, or of the disk in it, that were read. */
  readonly onProgress: (doneBytes: number) => void
}

const READ_BYTES = 4 * 1024 * 1024

/**
 * The base in a backing file, proven to be that of a layer without the layer: the file has the layer's SHA-256, or the layer is raw and
 * the disk in the file has it. A copy of a qcow2 layer in another form cannot be proven so. Throws `SHOAL_CLI_PARENT_UNPROVEN`.
 */
export async function proveParent(
  { file, format }: { readonly file: DiskFile; readonly format: BackingPlace['format'] },
  layer: Layer,
  options: ProofOptions,
): Promise<DiskImage> {
  const { signal } = options
  const unproven = (reason: string) =>
    cliError('SHOAL_CLI_PARENT_UNPROVEN', { path: file.path, layer: shortDigest(layer.digest), reason })
  const asFile = new RawImage(file)
  if (file.sizeBytes === layer.sizeBytes && (await isContent(asFile, layer, options))) {
    if (format !== undefined && format !== layer.format) {
      throw unproven(`it has the layer's bytes, but they are read as ${format} and the layer is ${layer.format}`)
    }
    return layer.format === 'raw' ? asFile : Qcow2Image.open(file, { signal })
  }
  if (layer.format === 'raw' && format === 'qcow2') {
    const image = await Qcow2Image.open(file, { signal })
    if (image.virtualSizeBytes === layer.sizeBytes && (await isContent(image, layer, options))) return image
    throw unproven('the disk in it has another SHA-256')
  }
  throw unproven(file.sizeBytes === layer.sizeBytes ? 'its SHA-256 is another' : 'its size is another')
}

async function isContent(image: DiskImage, { digest }: Layer, options: ProofOptions): Promise<boolean> {
  return digest === `sha256:${await hashDisk(new Chain([image]), options)}`
}

async function hashDisk(disk: GuestDisk, { signal, onProgress }: ProofOptions): Promise<string> {
  const hash = createHash('sha256')
  for (let at = 0; at < disk.virtualSizeBytes; at += READ_BYTES) {
    signal.throwIfAborted()
    const bytes = await disk.read(at, READ_BYTES, { signal })
    hash.update(bytes)
    onProgress(at + bytes.length)
  }
  return hash.digest('hex')
}
