import { type FileHandle, open } from 'node:fs/promises'
import { Chain, type DiskImage, Qcow2Image, type RandomAccess, RawImage } from '@shoal/qcow2'
import { fileAccess } from '@shoal/qcow2/file-access'

/** The files of a disk, topmost first, with their formats: nothing is guessed, nothing in a file names another. */
export type DiskFiles = readonly [DiskFile, ...DiskFile[]]

export interface DiskFile {
  readonly path: string
  readonly format: 'raw' | 'qcow2'
}

/** A disk whose files are open for reading. */
export interface OpenDisk extends AsyncDisposable {
  readonly disk: Chain
}

/** `onRead` is told of every read of a file, the topmost having depth 0, before it is made. */
export async function openDisk(
  files: DiskFiles,
  { onRead }: { onRead?: (depth: number, offset: number, length: number) => void } = {},
): Promise<OpenDisk> {
  const handles: FileHandle[] = []
  const close = async () => {
    await Promise.all(handles.map((handle) => handle.close()))
  }
  const openImage = async ({ path, format }: DiskFile): Promise<DiskImage> => {
    const handle = await open(path, 'r')
    const depth = handles.push(handle) - 1
    const file = fileAccess(handle, (await handle.stat()).size)
    const read: RandomAccess['read'] = (offset, length, options) => {
      onRead?.(depth, offset, length)
      return file.read(offset, length, options)
    }
    const source = onRead === undefined ? file : { ...file, read }
    return format === 'raw' ? new RawImage(source) : Qcow2Image.open(source)
  }
  try {
    const [top, ...below] = files
    const chain: [DiskImage, ...DiskImage[]] = [await openImage(top)]
    for (const file of below) chain.push(await openImage(file))
    return { disk: new Chain(chain), [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}
