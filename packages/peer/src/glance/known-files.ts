import type { Digest } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import type { ImageFacts } from './image-facts.ts'

/** An image, and the layer that has its very bytes. It stays so: bytes under an id do not change. */
export interface KnownFile {
  readonly image: string
  readonly layer: Digest
  readonly sizeBytes: number
  readonly osHashAlgo: string | null
  readonly osHashValue: string | null
}

/** Images whose layers are remembered, for downloads while the seed is away. */
const MAX_KNOWN = 1000
const PREFIX = 'peer/glance-file/'

/** What the seed said of images' files; it survives a restart. */
export class KnownFiles {
  readonly #state: StateStore
  /** The one that was learnt longest ago first. */
  readonly #files = new Map<string, KnownFile>()

  constructor(state: StateStore) {
    this.#state = state
  }

  async open(): Promise<void> {
    for await (const { value } of this.#state.range<KnownFile>({ prefix: PREFIX })) this.#files.set(value.image, value)
  }

  /** The layer with the bytes that Glance speaks of. */
  layerOf(facts: ImageFacts): Digest | undefined {
    const file = this.#files.get(facts.id)
    return file !== undefined && isSameFile(file, facts) ? file.layer : undefined
  }

  async learn(file: KnownFile): Promise<void> {
    const before = this.#files.get(file.image)
    this.#files.delete(file.image)
    this.#files.set(file.image, file)
    if (JSON.stringify(before) === JSON.stringify(file)) return
    await this.#state.put(PREFIX + file.image, file)
    const [oldest] = this.#files.keys()
    if (this.#files.size <= MAX_KNOWN || oldest === undefined) return
    this.#files.delete(oldest)
    await this.#state.delete(PREFIX + oldest)
  }
}

/** Whether a layer's bytes, as the seed checked them, are those that Glance speaks of now. */
export function isSameFile(file: Omit<KnownFile, 'image' | 'layer'>, facts: ImageFacts): boolean {
  const { sizeBytes, osHashAlgo, osHashValue } = file
  if (osHashAlgo !== facts.osHashAlgo || sizeBytes !== facts.sizeBytes) return false
  return osHashValue?.toLowerCase() === facts.osHashValue
}
