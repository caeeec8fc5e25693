import { mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import {
  Bitfield,
  blockCount,
  type Clock,
  type Digest,
  digestHex,
  errorCode,
  errorMessage,
  type Logger,
  type Manifest,
  parseDigest,
} from '@shoal/core'
import type { StateOperation, StateStore } from '@shoal/state'
import { DiskLayer } from './disk-layer.ts'
import { syncPath } from './durable-file.ts'
import { storeError } from './errors.ts'
import { descriptionSums, LayerDirectory } from './layer-directory.ts'
import { createLayerFile, fileInode, type LayerFile, openLayerFile } from './layer-file.ts'
import { type LayerRecord, manifestFields, parseRecord, RECORD_PREFIX, recordKey } from './layer-record.ts'
import type { LayerDescription, LayerStore, StoredLayer, StoreUsage } from './layer-store.ts'
import { presenceOperations, readPresence } from './presence-record.ts'
import { SerialQueue } from './serial-queue.ts'
import { checkStagingName } from './staging-name.ts'
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
}

const DEFAULT_DURABLE_BYTES = 16 * 1024 ** 2
const DEFAULT_DURABLE_MS = 500

/** A layer store on a local file system; what is present is recorded in `state`, which belongs to one process alone. */
export function createLayerStore(deps: LayerStoreDeps, options: LayerStoreOptions): LayerStore {
  return new DiskLayerStore(deps, options)
}

class DiskLayerStore implements LayerStore {
  readonly #deps: LayerStoreDeps
  readonly #options: Required<LayerStoreOptions>
  readonly #layersPath: string
  readonly #stagingPath: string
  readonly #layers = new Map<Digest, DiskLayer>()
  /** One change of the set of layers at a time: it is rare, and its steps must not interleave. */
  readonly #queue = new SerialQueue()
  #foreign: string[] = []
  #isOpen = false

  constructor(deps: LayerStoreDeps, options: LayerStoreOptions) {
    this.#deps = deps
    this.#options = { durableBytes: DEFAULT_DURABLE_BYTES, durableMs: DEFAULT_DURABLE_MS, ...options }
    this.#layersPath = join(options.directory, 'layers')
    this.#stagingPath = join(options.directory, 'staging')
  }

  open(): Promise<void> {
    return this.#queue.run(async () => {
      if (this.#isOpen) return
      try {
        await mkdir(this.#layersPath, { recursive: true })
        await mkdir(this.#stagingPath, { recursive: true })
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

  create(description: LayerDescription): Promise<StoredLayer> {
    const { digest, sizeBytes } = description.manifest
    return this.#change(digest, async () => {
      const existing = this.#layers.get(digest) ?? (await this.#settle(digest))
      if (existing !== undefined) return existing
      const directory = this.#directory(digest)
      await this.#begin(description, directory, null)
      const file = await this.#orUndo(digest, async () => {
        await directory.write(description)
        const created = await createLayerFile(directory.diskPath, sizeBytes)
        await directory.sync()
        await this.#putRecord(readyRecord(description, created.inode))
        return created
      })
      return this.#addLayer(description, file, new Bitfield(blockCount(description.manifest)))
    })
  }

  adopt(description: LayerDescription, stagedPath: string): Promise<StoredLayer> {
    const { digest } = description.manifest
    return this.#change(digest, async () => {
      const existing = this.#layers.get(digest) ?? (await this.#settle(digest))
      if (existing?.isComplete) {
        await existing.flush()
        await rm(stagedPath, { force: true })
        return existing
      }
      const inode = await prepareStaged(description.manifest, stagedPath)
      if (existing !== undefined) return this.#adoptOver(existing, stagedPath, inode)
      const directory = this.#directory(digest)
      await this.#begin(description, directory, inode)
      await this.#orUndo(digest, async () => {
        await directory.write(description)
        await directory.sync()
        await this.#moveIn(stagedPath, directory)
      })
      // Not undone from here on: the file is in its place, and settling completes the adoption.
      const layer = await this.#settle(digest)
      if (layer === undefined) throw storeError('SHOAL_STORE_LAYER_UNKNOWN', { digest })
      return layer
    })
  }

  remove(digest: Digest): Promise<void> {
    return this.#change(digest, async () => {
      const layer = this.#layers.get(digest)
      const record = await this.#readRecord(digest)
      if (record === undefined) return
      const forget = () => this.#forget(record)
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
    const digests: Digest[] = []
    for await (const { key } of this.#deps.state.range({ prefix: RECORD_PREFIX })) {
      digests.push(parseDigest(`sha256:${key.slice(RECORD_PREFIX.length)}`))
    }
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
    const record = await this.#readRecord(digest)
    if (record === undefined) return undefined
    const directory = this.#directory(digest)
    const isAdopted =
      record.stagedInode !== null &&
      record.phase !== 'removing' &&
      (await fileInode(directory.diskPath)) === record.stagedInode
    if (isAdopted) return this.#load({ ...record, phase: 'ready', inode: record.stagedInode }, { isAdopted })
    if (record.phase === 'ready') return this.#load(record, { isAdopted })
    await this.#finishRemoval(digest)
    return undefined
  }

  async #load(record: LayerRecord, { isAdopted }: { isAdopted: boolean }): Promise<DiskLayer | undefined> {
    const { digest, sizeBytes } = record.manifest
    const directory = this.#directory(digest)
    const description = await directory.read(record.manifest, record.sums)
    if (description === undefined) {
      this.#deps.logger.warn({ digest, path: directory.path }, 'manifest of a layer is lost: the layer is removed')
      await this.#forget(record)
      await this.#finishRemoval(digest)
      return undefined
    }
    const blocks = blockCount(description.manifest)
    const file = await openLayerFile(directory.diskPath)
    if (file === undefined || file.inode !== record.inode || file.sizeBytes !== sizeBytes) {
      const found = { inode: file?.inode ?? null, sizeBytes: file?.sizeBytes ?? null }
      const fields = { digest, path: directory.diskPath, found }
      this.#deps.logger.warn(fields, 'file of a layer is missing or not the one recorded: its blocks are absent')
      await this.#deps.state.batch(presenceOperations(digest, new Bitfield(blocks)))
      return this.#addLayer(description, await this.#renewFile(description, file), new Bitfield(blocks))
    }
    let present = await readPresence(this.#deps.state, digest, blocks)
    if (isAdopted) {
      await directory.sync()
      present = new Bitfield(blocks)
      present.setAll()
    }
    if (isAdopted || record.stagedInode !== null) {
      const operations = isAdopted ? presenceOperations(digest, present) : []
      await this.#putRecord(readyRecord(description, file.inode), operations)
    }
    return this.#addLayer(description, file, present)
  }

  /** A file of the right length to start from, recorded; no block of it is present. */
  async #renewFile(description: LayerDescription, found: LayerFile | undefined): Promise<LayerFile> {
    const { digest, sizeBytes } = description.manifest
    const directory = this.#directory(digest)
    const file = found ?? (await createLayerFile(directory.diskPath, sizeBytes))
    if (file.sizeBytes !== sizeBytes) await file.truncate(sizeBytes)
    await directory.sync()
    await this.#putRecord(readyRecord(description, file.inode))
    return file
  }

  #addLayer(description: LayerDescription, file: LayerFile, present: Bitfield): DiskLayer {
    const { digest } = description.manifest
    const { durableBytes, durableMs } = this.#options
    const path = this.#directory(digest).diskPath
    const replaceFile = async () => this.#renewFile(description, await openLayerFile(path))
    const layer = new DiskLayer({ ...this.#deps, file, replaceFile }, description, {
      path,
      durableBytes,
      durableMs,
      present,
    })
    this.#layers.set(digest, layer)
    return layer
  }

  /** Records what is about to be made, so that a crash leaves nothing that is nobody's. */
  async #begin(description: LayerDescription, directory: LayerDirectory, stagedInode: string | null): Promise<void> {
    await directory.checkFree()
    await this.#putRecord({ ...readyRecord(description, null), phase: 'creating', stagedInode })
  }

  /** Runs the steps after {@link #begin}; if they fail, what they left is removed now or, failing that, at the next open. */
  async #orUndo<T>(digest: Digest, steps: () => Promise<T>): Promise<T> {
    try {
      return await steps()
    } catch (error) {
      if (errorCode(error) === 'EEXIST') {
        // Something foreign took the path just now; without the record it is left alone.
        await this.#deps.state.delete(recordKey(digest))
        throw storeError('SHOAL_STORE_FOREIGN_FILE', { path: this.#directory(digest).path }, error)
      }
      await this.#finishRemoval(digest).catch((undoError: unknown) => {
        const fields = { digest, error: errorMessage(undoError) }
        this.#deps.logger.warn(fields, 'remains of a layer that could not be made will be removed at the next start')
      })
      throw error
    }
  }

  async #adoptOver(layer: DiskLayer, stagedPath: string, stagedInode: string): Promise<DiskLayer> {
    const { digest } = layer.manifest
    const directory = this.#directory(digest)
    try {
      await layer.replace(async () => {
        const record = await this.#readRecord(digest)
        if (record === undefined) throw storeError('SHOAL_STORE_LAYER_UNKNOWN', { digest })
        await this.#putRecord({ ...record, stagedInode })
        await this.#moveIn(stagedPath, directory)
        const present = new Bitfield(blockCount(layer.manifest))
        present.setAll()
        await this.#putRecord(readyRecord(layer, stagedInode), presenceOperations(digest, present))
        const file = await openLayerFile(directory.diskPath)
        if (file === undefined) throw storeError('SHOAL_STORE_LAYER_UNKNOWN', { digest })
        return file
      })
    } catch (error) {
      if ((await fileInode(directory.diskPath)) === stagedInode) {
        // The open layer's file has lost its name: it must not be written any more. The next call, or start, completes this.
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

  async #forget(record: LayerRecord): Promise<void> {
    const { digest } = record.manifest
    const operations = presenceOperations(digest, new Bitfield(blockCount(record.manifest)))
    await this.#putRecord({ ...record, phase: 'removing', stagedInode: null }, operations)
  }

  /** From a record `removing` or `creating` to nothing. */
  async #finishRemoval(digest: Digest): Promise<void> {
    const directory = this.#directory(digest)
    if (!(await directory.remove())) {
      this.#foreign.push(directory.path)
      this.#deps.logger.warn({ digest, path: directory.path }, 'directory of a removed layer holds foreign files')
    }
    await this.#deps.state.delete(recordKey(digest))
  }

  async #readRecord(digest: Digest): Promise<LayerRecord | undefined> {
    const entry = await this.#deps.state.get(recordKey(digest))
    if (entry === undefined) return undefined
    const record = parseRecord(entry.value)
    if (record?.manifest.digest === digest) return record
    throw storeError('SHOAL_STORE_FOREIGN_FILE', { path: `${this.#directory(digest).path} (its record)` })
  }

  async #putRecord(record: LayerRecord, operations: StateOperation[] = []): Promise<void> {
    await this.#deps.state.batch([
      { type: 'put', key: recordKey(record.manifest.digest), value: record },
      ...operations,
    ])
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

function readyRecord(description: LayerDescription, inode: string | null): LayerRecord {
  return {
    version: 1,
    phase: 'ready',
    inode,
    stagedInode: null,
    sums: descriptionSums(description),
    manifest: manifestFields(description.manifest),
  }
}

/** Makes a staged file durable and gives its inode. Throws `SHOAL_STORE_STAGED_INVALID` if it cannot be the layer. */
async function prepareStaged(manifest: Manifest, path: string): Promise<string> {
  const { digest, sizeBytes } = manifest
  const file = await openLayerFile(path)
  if (file === undefined) throw storeError('SHOAL_STORE_STAGED_INVALID', { path, digest, reason: 'it is not there' })
  try {
    if (file.sizeBytes !== sizeBytes) {
      const reason = `it has ${file.sizeBytes} bytes instead of ${sizeBytes}`
      throw storeError('SHOAL_STORE_STAGED_INVALID', { path, digest, reason })
    }
    await syncPath(path)
    return file.inode
  } finally {
    await file.close()
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
