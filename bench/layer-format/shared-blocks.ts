import { hash } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { chooseGeometry } from '@shoal/core'
import { Chain, LAYER_FORMAT, Qcow2Image, writeLayer } from '@shoal/qcow2'
import { fileAccess, fileSink } from '@shoal/qcow2/file-access'

/**
 * The part of the bytes of base and middles, as they are published, that are in blocks which another of these layers has as well, wherever: what a
 * node would not fetch if it knew blocks by their hash instead of layers.
 */
export async function sharedBlocks(files: {
  base: string
  flats: readonly string[]
  directory: string
}): Promise<number> {
  const { base, flats, directory } = files
  const seen = new Set<string>()
  let [allBytes, sharedBytes] = [0, 0]
  for (const flat of [undefined, ...flats]) {
    const path = join(directory, 'layer.qcow2')
    await writeOne({ base, flat, path })
    await using file = await open(path)
    const { size } = await file.stat()
    const { blockLengthBytes } = chooseGeometry(size)
    for (let at = 0; at < size; at += blockLengthBytes) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(blockLengthBytes), 0, blockLengthBytes, at)
      const digest = hash('sha256', buffer.subarray(0, bytesRead))
      allBytes += bytesRead
      sharedBytes += seen.has(digest) ? bytesRead : 0
      seen.add(digest)
    }
    await rm(path)
  }
  return Math.round((sharedBytes / allBytes) * 10_000) / 10_000
}

async function writeOne({ base, flat, path }: { base: string; flat: string | undefined; path: string }): Promise<void> {
  await using baseFile = await open(base)
  await using flatFile = await open(flat ?? base)
  await using output = await open(path, 'w')
  const disk = async (file: typeof baseFile) =>
    new Chain([await Qcow2Image.open(fileAccess(file, (await file.stat()).size))])
  const content = { disk: await disk(flatFile), base: flat === undefined ? undefined : await disk(baseFile) }
  await writeLayer(content, fileSink(output), LAYER_FORMAT)
}
