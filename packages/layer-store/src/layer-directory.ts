import { lstat, mkdir, readFile, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errorCode, type Manifest } from '@shoal/core'
import { fileAllocation, syncPath, writeDurableFile } from './durable-file.ts'
import { storeError } from './errors.ts'
import { sha256Hex } from './layer-description.ts'
import type { LayerRecord, ManifestFields } from './layer-record.ts'
import type { LayerDescription } from './layer-store.ts'

/** The store's own files in a layer's directory. */
const FILES = ['disk', 'torrent', 'hashes', 'manifest']

/** The directory of one layer: its files beside the disk, made once and then only read or removed. */
export class LayerDirectory {
  readonly path: string
  readonly diskPath: string

  constructor(path: string) {
    this.path = path
    this.diskPath = join(path, 'disk')
  }

  /** Throws `SHOAL_STORE_FOREIGN_FILE` if anything is at the path. */
  async checkFree(): Promise<void> {
    try {
      await lstat(this.path)
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return
      throw error
    }
    throw storeError('SHOAL_STORE_FOREIGN_FILE', { path: this.path })
  }

  /** Makes the directory and everything in it but the disk. The caller syncs. */
  async write(description: LayerDescription): Promise<void> {
    await mkdir(this.path, { mode: 0o755 })
    await writeDurableFile(join(this.path, 'manifest'), description.encodedManifest)
    await writeDurableFile(join(this.path, 'hashes'), description.manifest.blockHashes)
    await writeDurableFile(join(this.path, 'torrent'), description.torrent)
  }

  async sync(): Promise<void> {
    await syncPath(this.path)
    await syncPath(dirname(this.path))
  }

  /** Reads what {@link write} wrote; undefined if a file is missing or is not what it was. */
  async read(fields: ManifestFields, sums: LayerRecord['sums']): Promise<LayerDescription | undefined> {
    const encodedManifest = await readChecked(join(this.path, 'manifest'), sums.manifest)
    const blockHashes = await readChecked(join(this.path, 'hashes'), sums.hashes)
    const torrent = await readChecked(join(this.path, 'torrent'), sums.torrent)
    if (encodedManifest === undefined || blockHashes === undefined || torrent === undefined) return undefined
    const manifest: Manifest = { ...fields, blockHashes }
    return { manifest, encodedManifest, torrent }
  }

  /** Bytes that the directory and the store's own files in it occupy; 0 when it is not there. */
  async allocatedBytes(): Promise<number> {
    const paths = [this.path, ...FILES.map((name) => join(this.path, name))]
    const sizes = await Promise.all(paths.map(fileAllocation))
    return sizes.reduce((sum, size) => sum + size, 0)
  }

  /** Removes the store's own files; false if something foreign keeps the directory from going. */
  async remove(): Promise<boolean> {
    const status = await lstat(this.path).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return undefined
      throw error
    })
    if (status === undefined) return true
    if (!status.isDirectory()) return false
    for (const name of FILES) await unlinkFile(join(this.path, name))
    try {
      await rmdir(this.path)
    } catch (error) {
      if (errorCode(error) === 'ENOTEMPTY') return false
      throw error
    }
    await syncPath(dirname(this.path))
    return true
  }
}

async function readChecked(path: string, expected: string): Promise<Buffer | undefined> {
  try {
    const data = await readFile(path)
    return (await sha256Hex(data)) === expected ? data : undefined
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function unlinkFile(path: string): Promise<void> {
  // A directory under one of the store's names is foreign: rm without recursion leaves it.
  await rm(path, { force: true }).catch((error: unknown) => {
    if (errorCode(error) !== 'ERR_FS_EISDIR' && errorCode(error) !== 'EISDIR') throw error
  })
}
