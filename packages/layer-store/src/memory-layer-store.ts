import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Digest } from '@shoal/core'
import { storeError } from './errors.ts'
import type { LayerDescription, LayerStore, StoredLayer, StoreUsage } from './layer-store.ts'
import { MemoryLayer } from './memory-layer.ts'
import { checkStagingName } from './staging-name.ts'
import { storeFailure } from './store-failure.ts'

/** A layer store that lives as long as the process: for tests and simulations. Only staged files touch the disk. */
export function createMemoryLayerStore(): LayerStore {
  return new MemoryLayerStore()
}

class MemoryLayerStore implements LayerStore {
  readonly #layers = new Map<Digest, MemoryLayer>()
  readonly #staging = join(tmpdir(), `shoal-staging-${randomUUID()}`)
  #isOpen = false

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
    this.#checkOpen()
    return this.#getOrCreate(description)
  }

  async adopt(description: LayerDescription, stagedPath: string): Promise<StoredLayer> {
    this.#checkOpen()
    const { digest, sizeBytes } = description.manifest
    if (!this.#layers.get(digest)?.isComplete) {
      const data = await readFile(stagedPath).catch((error: unknown) => {
        throw storeFailure(error, stagedPath)
      })
      if (data.length !== sizeBytes) {
        const reason = `it has ${data.length} bytes instead of ${sizeBytes}`
        throw storeError('SHOAL_STORE_STAGED_INVALID', { path: stagedPath, digest, reason })
      }
      this.#getOrCreate(description).fill(data)
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
    return { allocatedBytes, freeBytes: Number.MAX_SAFE_INTEGER }
  }

  #getOrCreate(description: LayerDescription): MemoryLayer {
    const { digest } = description.manifest
    const layer = this.#layers.get(digest) ?? new MemoryLayer(description)
    this.#layers.set(digest, layer)
    return layer
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw storeError('SHOAL_STORE_CLOSED')
  }
}
