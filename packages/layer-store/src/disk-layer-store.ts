import { readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  Bitfield,
  BlockBuffers,
  blockCount,
  type Clock,
  type Digest,
  digestHex,
  errorCode,
  errorMessage,
  type Logger,
} from '@shoal/core'
import type { StateStore } from '@shoal/state'
import { DiskLayer } from './disk-layer.ts'
import { makeDurableDirectory, syncPath } from './durable-file.ts'
import { storeError } from './errors.ts'
import { checkDescription } from './layer-description.ts'
import { LayerDirectory } from './layer-directory.ts'
import { createLayerFile, fileInode, type LayerFile, openLayerFile } from './layer-file.ts'
import { type LayerRecord, newRecord } from './layer-record.ts'
import { LayerRecords } from './layer-records.ts'
import type { LayerDescription, LayerStore, StoredLayer, StoreUsage } from './layer-store.ts'
import { SerialQueue } from './serial-queue.ts'
import { checkStagingName, prepareStagedFile } from './staged-file.ts'
import { storeFailure } from './store-failure.ts'

export interface LayerStoreDeps {
  readonly state: StateStore
  readonly logger: Logger
  readonly clock: Clock
}

export interface LayerStoreOptions {
  /** Created if missing; the store's own. */
  readonly directory: string
  /** A layer is flushed in the background when so many bytes are not durable; default 16 MiB. */
  readonly durableBytes?: number
  /** ... and when the oldest of them is so old; default 500 ms. */
  readonly durableMs?: number
  /** Shared by all layers; default 96 of them, that is 24 MiB. */
  readonly buffers?: BlockBuffers
}

const DEFAULT_DURABLE_BYTES = 16 * 1024 ** 2
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
  readonly #layersPath: string
  readonly #stagingPath: string
  readonly #layers = new Map<Digest, DiskLayer>()
  /** One change of the set of layers at a time: it is rare, and its steps must not interleave. */
  readonly #queue = new SerialQueue()
  #foreign: string[] = []
  #isOpen = false

  constructor(deps: LayerStoreDeps, options: LayerStoreOptions) {
    this.#deps = deps
    this.buffers = options.buffers ?? new BlockBuffers({ count: DEFAULT_BUFFERS })
    this.#records = new LayerRecords(deps.state)
    this.#options = { durableBytes: DEFAULT_DURABLE_BYTES, durableMs: DEFAULT_DURABLE_MS, ...options }
    this.#layersPath = resolve(options.directory, 'layers')
    this.#stagingPath = resolve(options.directory, 'staging')
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
    const { digest, sizeBytes } = description.manifest
    return this.#change(digest, async () => {
      const existing = this.#layers.get(digest) ?? (await this.#settle(digest))
      if (existing !== undefined) return existing
      const directory = this.#directory(digest)
      await directory.checkFree()
      const record = await newRecord(description, null)
      return this.#orUndo(record, async () => {
        await this.#records.put(record)
        await directory.write(description)
        const file = await createLayerFile(directory.diskPath, sizeBytes)
        await directory.sync()
        const ready = await this.#putReady(record, file)
        return this.#addLayer(ready, description, file, new Bitfield(blockCount(description.manifest)))
      })
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
      const directory = this.#directory(digest)
      await directory.checkFree()
      const record = await newRecord(description, inode)
      await this.#orUndo(record, async () => {
        await this.#records.put(record)
        await directory.write(description)
        await directory.sync()
      })
      // From here on nothing is undone: once the file is in its place, settling completes the adoption.
      await this.#moveIn(stagedPath, directory)
      const layer = await this.#settle(digest)
      if (layer === undefined) throw storeError('SHOAL_STORE_LAYER_UNKNOWN', { digest })
      return layer
    })
  }

  remove(digest: Digest): Promise<void> {
    return this.#change(digest, async () => {
      const record = await this.#records.read(digest)
      if (record === undefined) return
      const forget = () => this.#records.forget(record)
      const layer = this.#layers.get(digest)
      if (layer === undefined) await forget()
      else await layer.remove(forget)
      this.#layers.delete(digest)
      await this.#finishRemoval(digest)
    })
  }

  stagingPath(name: string): string {
    return join(this.#stagingPath, checkStagingName(name))
  }

  async usage(): Promise<StoreUsage> {
    this.#checkOpen()
    try {
      const { bavail, bsize } = await statfs(this.#options.directory)
      let allocatedBytes = 0
      for (const layer of this.#layers.values()) allocatedBytes += await fileAllocation(layer.path)
      for (const name of await readdir(this.#stagingPath)) {
        allocatedBytes += await fileAllocation(join(this.#stagingPath, name))
      }
      return { allocatedBytes, freeBytes: bavail * bsize }
    } catch (error) {
      throw storeFailure(error, this.#options.directory)
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

  /** Brings every record and its files to a state that is one or the other, then lists what is not the store's. */
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

  /** Completes or undoes what a record says was under way, and opens the layer if there is one. */
  async #settle(digest: Digest): Promise<DiskLayer | undefined> {
    const record = await this.#records.read(digest)
    if (record === undefined) return undefined
    const directory = this.#directory(digest)
    const isAdopted =
      record.stagedInode !== null &&
      record.phase !== 'removing' &&
      (await fileInode(directory.diskPath)) === record.stagedInode
    if (isAdopted || record.phase === 'ready') return this.#load(record, isAdopted)
    await this.#finishRemoval(digest)
    return undefined
  }

  async #load(record: LayerRecord, isAdopted: boolean): Promise<DiskLayer | undefined> {
    const { digest } = record.manifest
    const directory = this.#directory(digest)
    const description = await directory.read(record.manifest, record.sums)
    if (description === undefined) {
      this.#deps.logger.warn({ digest, path: directory.path }, 'manifest of a layer is lost: the layer is removed')
      await this.#records.forget(record)
      await this.#finishRemoval(digest)
      return undefined
    }
    const file = await openLayerFile(directory.diskPath)
    try {
      return await this.#loadBlocks(record, description, file, isAdopted)
    } catch (error) {
      await file?.close()
      throw error
    }
  }

  async #loadBlocks(
    record: LayerRecord,
    description: LayerDescription,
    file: LayerFile | undefined,
    isAdopted: boolean,
  ): Promise<DiskLayer> {
    const { digest, sizeBytes } = record.manifest
    const directory = this.#directory(digest)
    const inode = isAdopted ? record.stagedInode : record.inode
    if (file === undefined || file.inode !== inode || file.sizeBytes !== sizeBytes) {
      const fields = {
        digest,
        path: directory.diskPath,
        inode: file?.inode ?? null,
        sizeBytes: file?.sizeBytes ?? null,
      }
      this.#deps.logger.warn(fields, 'file of a layer is missing or not the one recorded: its blocks are absent')
      const present = new Bitfield(blockCount(record.manifest))
      await this.#records.put({ ...record, phase: 'ready', stagedInode: null }, present)
      return this.#addLayer(record, description, await this.#renewFile(record, file), present)
    }
    if (!isAdopted) {
      const ready = record.stagedInode === null ? record : await this.#putReady(record, file)
      return this.#addLayer(ready, description, file, await this.#records.readPresence(record))
    }
    await directory.sync()
    const present = new Bitfield(blockCount(record.manifest))
    present.setAll()
    return this.#addLayer(await this.#putReady(record, file, present), description, file, present)
  }

  /** A file of the right length to start from, recorded; no block of it is present. */
  async #renewFile(record: LayerRecord, found: LayerFile | undefined): Promise<LayerFile> {
    const { digest, sizeBytes } = record.manifest
    const directory = this.#directory(digest)
    const file = found ?? (await createLayerFile(directory.diskPath, sizeBytes))
    if (file.sizeBytes !== sizeBytes) await file.truncate(sizeBytes)
    await directory.sync()
    await this.#putReady(record, file)
    return file
  }

  async #putReady(record: LayerRecord, file: LayerFile, present?: Bitfield): Promise<LayerRecord> {
    const ready: LayerRecord = { ...record, phase: 'ready', inode: file.inode, stagedInode: null }
    await this.#records.put(ready, present)
    return ready
  }

  #addLayer(record: LayerRecord, description: LayerDescription, file: LayerFile, present: Bitfield): DiskLayer {
    const { digest } = description.manifest
    const { durableBytes, durableMs } = this.#options
    const path = this.#directory(digest).diskPath
    const replaceFile = async () => this.#renewFile(record, await openLayerFile(path))
    const options = { path, durableBytes, durableMs, present }
    const layer = new DiskLayer({ ...this.#deps, buffers: this.buffers, file, replaceFile }, description, options)
    this.#layers.set(digest, layer)
    return layer
  }

  /** Runs the steps that make a layer; if they fail, what they left is removed now or, failing that, at the next start. */
  async #orUndo<T>(record: LayerRecord, steps: () => Promise<T>): Promise<T> {
    const { digest } = record.manifest
    try {
      return await steps()
    } catch (error) {
      if (errorCode(error) === 'EEXIST') {
        // Something foreign took the path just now; without the record it is left alone.
        await this.#records.delete(digest)
        throw storeError('SHOAL_STORE_FOREIGN_FILE', { path: this.#directory(digest).path }, error)
      }
      await this.#finishRemoval(digest).catch((undoError: unknown) => {
        const fields = { digest, error: errorMessage(undoError) }
        this.#deps.logger.warn(fields, 'remains of a layer that could not be made will be removed later')
      })
      throw error
    }
  }

  async #adoptOver(layer: DiskLayer, stagedPath: string, stagedInode: string): Promise<DiskLayer> {
    const { digest } = layer.manifest
    const directory = this.#directory(digest)
    try {
      await layer.replace(async () => {
        const record = await this.#records.read(digest)
        if (record === undefined) throw storeError('SHOAL_STORE_LAYER_UNKNOWN', { digest })
        await this.#records.put({ ...record, stagedInode })
        await this.#moveIn(stagedPath, directory)
        const file = await openLayerFile(directory.diskPath)
        if (file === undefined) throw storeError('SHOAL_STORE_LAYER_UNKNOWN', { digest })
        const present = new Bitfield(blockCount(layer.manifest))
        present.setAll()
        await this.#putReady(record, file, present)
        return file
      })
    } catch (error) {
      if ((await fileInode(directory.diskPath)) === stagedInode) {
        // The open file has lost its name and must not be written any more. The next call, or start, completes the adoption.
        this.#layers.delete(digest)
        await layer.close()
      }
      throw error
    }
    return layer
  }

  async #moveIn(stagedPath: string, directory: LayerDirectory): Promise<void> {
    await rename(stagedPath, directory.diskPath)
    await directory.sync()
    await syncPath(this.#stagingPath)
  }

  /** From a record `removing` or `creating` to nothing. */
  async #finishRemoval(digest: Digest): Promise<void> {
    const directory = this.#directory(digest)
    if (!(await directory.remove())) {
      this.#foreign.push(directory.path)
      this.#deps.logger.warn({ digest, path: directory.path }, 'directory of a removed layer holds foreign files')
    }
    await this.#records.delete(digest)
  }

  #directory(digest: Digest): LayerDirectory {
    return new LayerDirectory(join(this.#layersPath, digestHex(digest)))
  }

  async #closeLayers(): Promise<void> {
    await Promise.all([...this.#layers.values()].map((layer) => layer.close()))
    this.#layers.clear()
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw storeError('SHOAL_STORE_CLOSED')
  }
}

/** Bytes that a file occupies; 0 if it went away meanwhile. */
async function fileAllocation(path: string): Promise<number> {
  try {
    return (await stat(path)).blocks * 512
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 0
    throw error
  }
}
