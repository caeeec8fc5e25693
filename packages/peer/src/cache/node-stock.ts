import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { FileSystemSpace, Stock, StockLayer } from '@shoal/cache'
import { type Digest, errorCode } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'

export interface NodeStockDeps {
  readonly store: Pick<LayerStore, 'layers' | 'staged' | 'usage'>
  /** Files of composed disks, wherever they are. */
  readonly disks: () => readonly string[]
  readonly bootBytes: (digest: Digest) => number
  readonly evict: Stock['evict']
}

/** What this node has on the file system of its layers. A file with several names counts once. */
export class NodeStock implements Stock {
  readonly #deps: NodeStockDeps
  readonly #directory: string

  /** `directory`: that of the layers. */
  constructor(deps: NodeStockDeps, { directory }: { directory: string }) {
    this.#deps = deps
    this.#directory = directory
  }

  async layers(): Promise<readonly StockLayer[]> {
    const layers = await Promise.all(this.#deps.store.layers().map((stored) => this.#layer(stored)))
    return layers.filter((layer) => layer !== undefined)
  }

  async others(): Promise<readonly { readonly name: string; readonly allocatedBytes: number }[]> {
    const staged = await this.#deps.store.staged()
    return [
      ...staged.map(({ name, allocatedBytes }) => ({ name: `staged ${name}`, allocatedBytes })),
      ...(await this.#disks()),
    ]
  }

  async space(): Promise<FileSystemSpace> {
    const { freeBytes, totalBytes } = await this.#deps.store.usage()
    return { freeBytes, totalBytes }
  }

  evict(digest: Digest, keptBytes: number): Promise<number | undefined> {
    return this.#deps.evict(digest, keptBytes)
  }

  /** `undefined` for one that was removed meanwhile. */
  async #layer(stored: StoredLayer): Promise<StockLayer | undefined> {
    const { digest, parent: base } = stored.manifest
    try {
      const allocatedBytes = await stored.allocatedBytes()
      return { digest, base, allocatedBytes, isComplete: stored.isComplete, bootBytes: this.#deps.bootBytes(digest) }
    } catch (error) {
      if (errorCode(error) === 'SHOAL_STORE_LAYER_UNKNOWN') return undefined
      throw error
    }
  }

  /** Composed disks on the same file system; those elsewhere take no room from layers. */
  async #disks(): Promise<{ name: string; allocatedBytes: number }[]> {
    const { dev } = await lstat(this.#directory)
    const seen = new Set<number>()
    const found: { name: string; allocatedBytes: number }[] = []
    for (const path of this.#deps.disks()) {
      const status = await fileStatus(path)
      if (status === undefined || status.dev !== dev || seen.has(status.ino)) continue
      seen.add(status.ino)
      found.push({ name: path, allocatedBytes: status.blocks * 512 })
    }
    return found
  }
}

/** Whether a file that is to be made there takes room from what is in `directory`. */
export async function isOnSameFileSystem(path: string, directory: string): Promise<boolean> {
  return (await lstat(dirname(path))).dev === (await lstat(directory)).dev
}

async function fileStatus(path: string) {
  try {
    return await lstat(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
