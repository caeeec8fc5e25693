import { readdir, rm, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { BlockBuffers, type Clock, type Digest, digestHex, errorCode, errorMessage, type Logger } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import { BlockThread } from './block-thread.ts'
import { DiskLayer } from './disk-layer.ts'
import { fileAllocation, makeDurableDirectory, syncPath } from './durable-file.ts'
import { storeError } from './errors.ts'
import { checkDescription } from './layer-description.ts'
import { LayerDirectory } from './layer-directory.ts'
import { layerFileStatus } from './layer-file.ts'
import { LayerMaker } from './layer-maker.ts'
import { LayerOpener, type OpenedLayer } from './layer-opener.ts'
import { LayerRecords } from './layer-records.ts'
import type { LayerDescription, LayerStore, StagedFile, StoredLayer, StoreUsage } from './layer-store.ts'
import { SerialQueue } from './serial-queue.ts'
import { checkStagingName, prepareStagedFile, stagedFiles } from './staged-file.ts'
import { storeFailure } from './store-failure.ts'

export interface LayerStoreDeps {
  readonly state: StateStore
  readonly logger: Logger
  readonly clock: Clock
}

export interface LayerStoreOptions {
  /** Created if missing; the store's own. */
  readonly directory: string
  /** A layer is flushed in the background when so many bytes are not durable; default 64 MiB. */
  readonly durableBytes?: number
  /** ... and when the oldest of them is so old; default 500 ms. */
  readonly durableMs?: number
  /** Shared by all layers; default 96 of them, that is 24 MiB. */
  readonly buffers?: BlockBuffers
}

/** At full speed, syncing every 16 MiB costs 8 % more CPU; every 256 MiB no less (docs/adr/0011). */
const DEFAULT_DURABLE_BYTES = 64 * 1024 ** 2
const DEFAULT_DURABLE_MS = 500
const DEFAULT_BUFFERS = 96

/** A layer store on a local file system; what is present is recorded in `state`, which belongs to one process alone. */
export function createLayerStore(deps: LayerStoreDeps, options: LayerStoreOptions): LayerStore {
  return new DiskLayerStore(deps, options)
}

class DiskLayerStore implements LayerStore {
  readonly buffers: BlockBuffers
  readonly #deps: LayerStoreDeps
  readonly #options: Required<Omit<LayerStoreOptions, 'buffers'>>
  readonly #records: LayerRecords
  readonly #thread: BlockThread
  readonly #opener: LayerOpener
  readonly #maker: LayerMaker
  readonly #layersPath: string
  readonly #stagingPath: string
  readonly #layers = new Map<Digest, DiskLayer>()
  /** One change of the set of layers at a time: it is rare, and its steps must not interleave. */
  readonly #queue = new SerialQueue()
  #foreign: string[] = []
  #isOpen = false

  constructor(deps: LayerStoreDeps, options: LayerStoreOptions) {
    const { directory: root, buffers, durableBytes, durableMs } = options
    this.#deps = deps
    this.buffers = buffers ?? new BlockBuffers({ count: DEFAULT_BUFFERS })
    this.#options = {
      directory: root,
      durableBytes: durableBytes ?? DEFAULT_DURABLE_BYTES,
      durableMs: durableMs ?? DEFAULT_DURABLE_MS,
    }
    this.#layersPath = resolve(root, 'layers')
    this.#stagingPath = resolve(root, 'staging')
    const { logger } = deps
    const directory = (digest: Digest) => this.#directory(digest)
    const onForeign = (path: string) => this.#foreign.push(path)
    this.#thread = new BlockThread(this.buffers.memory)
    this.#records = new LayerRecords(deps.state)
    const shared = { records: this.#records, logger, thread: this.#thread, directory }
    this.#opener = new LayerOpener({ ...shared, onForeign })
    this.#maker = new LayerMaker({ ...shared, opener: this.#opener, stagingDirectory: this.#stagingPath })
  }

  open(): Promise<void> {
    return this.#queue.run(async () => {
      if (this.#isOpen) return
      try {
        await makeDurableDirectory(this.#layersPath)
        await makeDurableDirectory(this.#stagingPath)
        await this.#reconcile()
      } catch (error) {
        await this.#closeLayers()
        throw storeFailure(error, this.#options.directory)
      }
      this.#isOpen = true
    })
  }

  close(): Promise<void> {
    return this.#queue.run(async () => {
      this.#isOpen = false
      await this.#closeLayers()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  layers(): StoredLayer[] {
    return [...this.#layers.values()]
  }

  get(digest: Digest): StoredLayer | undefined {
    return this.#layers.get(digest)
  }

  foreign(): string[] {
    return [...this.#foreign]
  }

  async create(description: LayerDescription): Promise<StoredLayer> {
    checkDescription(description)
    const { digest } = description.manifest
    return this.#change(digest, async () => {
      const existing = this.#layers.get(digest) ?? (await this.#settle(digest))
      return existing ?? this.#addLayer(await this.#maker.create(description))
    })
  }

  async adopt(description: LayerDescription, stagedPath: string): Promise<StoredLayer> {
    checkDescription(description)
    const { digest } = description.manifest
    // Syncing a large file takes long; done here as well, it does not hold up the queue below.
    await syncPath(stagedPath).catch(() => {})
    return this.#change(digest, async () => {
      const existing = this.#layers.get(digest) ?? (await this.#settle(digest))
      if (existing?.isComplete) {
        await existing.flush()
        await rm(stagedPath, { force: true })
        return existing
      }
      const inode = await prepareStagedFile(description.manifest, stagedPath)
      if (existing !== undefined) return this.#adoptOver(existing, stagedPath, inode)
      await this.#maker.adopt(description, stagedPath, inode)
      const layer = await this.#settle(digest)
      if (layer === undefined) throw storeError('SHOAL_STORE_LAYER_UNKNOWN', { digest })
      return layer
    })
  }

  remove(digest: Digest): Promise<void> {
    return this.#change(digest, async () => {
      const record = await this.#records.read(digest)
      if (record === undefined) return
      const layer = this.#layers.get(digest)
      const forget = async () => {
        await this.#records.forget(record)
        // Nobody may find a layer that answers no call any more.
        this.#layers.delete(digest)
      }
      if (layer === undefined) await forget()
      else await layer.remove(forget)
      await this.#opener.finishRemoval(digest)
    })
  }

  stagingPath(name: string): string {
    return join(this.#stagingPath, checkStagingName(name))
  }

  async usage(): Promise<StoreUsage> {
    this.#checkOpen()
    try {
      const { bavail, blocks, bsize } = await statfs(this.#options.directory)
      let allocatedBytes = (await fileAllocation(this.#layersPath)) + (await fileAllocation(this.#stagingPath))
      // Layers that could not be opened are the store's, too; one that was made where something foreign had been is not foreign.
      const foreign = new Set(this.#foreign)
      for (const digest of this.#layers.keys()) foreign.delete(this.#directory(digest).path)
      for (const name of await readdir(this.#layersPath)) {
        const path = join(this.#layersPath, name)
        if (!foreign.has(path)) allocatedBytes += await new LayerDirectory(path).allocatedBytes()
      }
      for (const name of await readdir(this.#stagingPath)) {
        allocatedBytes += await fileAllocation(join(this.#stagingPath, name))
      }
      return { allocatedBytes, freeBytes: bavail * bsize, totalBytes: blocks * bsize }
    } catch (error) {
      throw storeFailure(error, this.#options.directory)
    }
  }

  async staged(): Promise<StagedFile[]> {
    this.#checkOpen()
    try {
      return await stagedFiles(this.#stagingPath)
    } catch (error) {
      throw storeFailure(error, this.#stagingPath)
    }
  }

  #change<T>(digest: Digest, task: () => Promise<T>): Promise<T> {
    return this.#queue.run(async () => {
      this.#checkOpen()
      try {
        return await task()
      } catch (error) {
        throw storeFailure(error, this.#directory(digest).path)
      }
    })
  }

  /** Settles every layer that has a record, then lists what is not the store's. */
  async #reconcile(): Promise<void> {
    const digests = await this.#records.list()
    const known = new Set(digests.map(digestHex))
    for (const digest of digests) {
      try {
        await this.#settle(digest)
      } catch (error) {
        // One layer that cannot be opened must not keep the others from being served.
        const fields = { digest, code: errorCode(error), error: errorMessage(error) }
        this.#deps.logger.error(fields, 'layer cannot be opened')
      }
    }
    const foreign = (await readdir(this.#layersPath)).filter((name) => !known.has(name))
    this.#foreign = foreign.map((name) => join(this.#layersPath, name))
    if (foreign.length === 0) return
    const paths = this.#foreign.slice(0, 10)
    this.#deps.logger.warn({ count: foreign.length, paths }, "files in the layer directory are not the store's")
  }

  async #settle(digest: Digest): Promise<DiskLayer | undefined> {
    const opened = await this.#opener.settle(digest)
    return opened === undefined ? undefined : this.#addLayer(opened)
  }

  #addLayer({ record, description, file, present }: OpenedLayer): DiskLayer {
    const { digest } = description.manifest
    const { durableBytes, durableMs } = this.#options
    const path = this.#directory(digest).diskPath
    const replaceFile = () => this.#opener.renewFile(record)
    const deps = { ...this.#deps, buffers: this.buffers, file, replaceFile }
    const layer = new DiskLayer(deps, description, { path, durableBytes, durableMs, present })
    this.#layers.set(digest, layer)
    if (!layer.isComplete) this.#thread.start()
    return layer
  }

  async #adoptOver(layer: DiskLayer, stagedPath: string, stagedInode: string): Promise<DiskLayer> {
    const { digest } = layer.manifest
    try {
      await layer.replace(() => this.#maker.adoptOver(layer.manifest, stagedPath, stagedInode))
    } catch (error) {
      if ((await layerFileStatus(layer.path))?.inode === stagedInode) {
        // The open file has lost its name and must not be written any more. The next call, or start, completes the adoption.
        this.#layers.delete(digest)
        await layer.close()
      }
      throw error
    }
    return layer
  }

  #directory(digest: Digest): LayerDirectory {
    return new LayerDirectory(join(this.#layersPath, digestHex(digest)))
  }

  async #closeLayers(): Promise<void> {
    await Promise.all([...this.#layers.values()].map((layer) => layer.close()))
    this.#layers.clear()
    await this.#thread.close()
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw storeError('SHOAL_STORE_CLOSED')
  }
}
