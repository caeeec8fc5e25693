import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BlockBuffers, type Digest } from '@shoal/core'
import { storeError } from './errors.ts'
import { checkDescription } from './layer-description.ts'
import type { LayerDescription, LayerStore, StagedFile, StoredLayer, StoreUsage } from './layer-store.ts'
import { MemoryLayer } from './memory-layer.ts'
import { checkStagingName, prepareStagedFile, stagedFiles } from './staged-file.ts'
import { storeFailure } from './store-failure.ts'

export interface MemoryLayerStoreOptions {
  /** Shared by all layers; default 96 of them. */
  readonly buffers?: BlockBuffers
}

/** A layer store that lives as long as the process: for tests and simulations. Only staged files touch the disk. */
export function createMemoryLayerStore(options: MemoryLayerStoreOptions = {}): LayerStore {
  return new MemoryLayerStore(options)
}

class MemoryLayerStore implements LayerStore {
  readonly buffers: BlockBuffers
  readonly #layers = new Map<Digest, MemoryLayer>()
  readonly #staging = join(tmpdir(), `shoal-staging-${randomUUID()}`)
  #isOpen = false

  constructor({ buffers = new BlockBuffers({ count: 96 }) }: MemoryLayerStoreOptions) {
    this.buffers = buffers
  }

  async open(): Promise<void> {
    this.#isOpen = true
  }

  async close(): Promise<void> {
    this.#isOpen = false
    for (const layer of this.#layers.values()) layer.close()
    await rm(this.#staging, { recursive: true, force: true })
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
    return []
  }

  async create(description: LayerDescription): Promise<StoredLayer> {
    checkDescription(description)
    this.#checkOpen()
    return this.#getOrCreate(description)
  }

  async adopt(description: LayerDescription, stagedPath: string): Promise<StoredLayer> {
    checkDescription(description)
    this.#checkOpen()
    const { digest } = description.manifest
    if (!this.#layers.get(digest)?.isComplete) {
      await prepareStagedFile(description.manifest, stagedPath).catch((error: unknown) => {
        throw storeFailure(error, stagedPath)
      })
      this.#getOrCreate(description).fill(await readFile(stagedPath))
    }
    await rm(stagedPath, { force: true })
    return this.#getOrCreate(description)
  }

  async remove(digest: Digest): Promise<void> {
    this.#checkOpen()
    this.#layers.get(digest)?.remove()
    this.#layers.delete(digest)
  }

  stagingPath(name: string): string {
    if (!existsSync(this.#staging)) mkdirSync(this.#staging, { recursive: true })
    return join(this.#staging, checkStagingName(name))
  }

  async usage(): Promise<StoreUsage> {
    this.#checkOpen()
    let allocatedBytes = 0
    for (const layer of this.#layers.values()) allocatedBytes += layer.presentBytes
    for (const file of await stagedFiles(this.#staging)) allocatedBytes += file.allocatedBytes
    return { allocatedBytes, freeBytes: Number.MAX_SAFE_INTEGER, totalBytes: Number.MAX_SAFE_INTEGER }
  }

  async staged(): Promise<StagedFile[]> {
    this.#checkOpen()
    return stagedFiles(this.#staging)
  }

  #getOrCreate(description: LayerDescription): MemoryLayer {
    const { digest } = description.manifest
    const layer = this.#layers.get(digest) ?? new MemoryLayer(description, this.buffers)
    this.#layers.set(digest, layer)
    return layer
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw storeError('SHOAL_STORE_CLOSED')
  }
}
