import { hash } from 'node:crypto'
import {
  Bitfield,
  type BlockBuffer,
  type BlockBuffers,
  blockCount,
  blockHash,
  blockSize,
  digestFromBytes,
  type Manifest,
} from '@shoal/core'
import { BlockCache } from './block-cache.ts'
import { keptBlocks } from './block-gaps.ts'
import { presentInRange } from './block-range.ts'
import { blockRun, checkedBlockSize } from './block-run.ts'
import { storeError } from './errors.ts'
import type { LayerDescription, LayerVerification, StoredLayer, VerifyOptions } from './layer-store.ts'
import { absentBlock, checkRange } from './read-range.ts'

/** A layer of the in-memory store. Blocks are allocated as they come; all that is present counts as durable. */
export class MemoryLayer implements StoredLayer {
  readonly manifest: Manifest
  readonly encodedManifest: Uint8Array
  readonly torrent: Uint8Array
  readonly path = ''
  readonly present: Bitfield
  readonly buffers: BlockBuffers
  readonly #cache: BlockCache
  readonly #blocks = new Map<number, Buffer>()
  #presentBytes = 0
  #state: 'open' | 'closed' | 'removed' = 'open'

  constructor(description: LayerDescription, buffers: BlockBuffers) {
    this.buffers = buffers
    this.#cache = new BlockCache(buffers)
    this.manifest = description.manifest
    this.encodedManifest = description.encodedManifest
    this.torrent = description.torrent
    this.present = new Bitfield(blockCount(description.manifest))
  }

  get durableBlocks(): number {
    return this.present.count
  }

  get presentBytes(): number {
    return this.#presentBytes
  }

  get isComplete(): boolean {
    return this.present.isFull
  }

  async writeBlock(block: number, buffer: BlockBuffer): Promise<void> {
    const length = checkedBlockSize(this.manifest, block)
    this.#check()
    if (this.present.has(block)) return
    this.#checkHash(block, buffer.payload(length))
    this.#put(block, buffer.payload(length))
    this.#cache.keep(block, buffer, length)
  }

  async writeBlocks(firstBlock: number, data: Uint8Array): Promise<void> {
    const run = blockRun(this.manifest, firstBlock, data)
    this.#check()
    const absent = run.filter(({ block }) => !this.present.has(block))
    for (const { block, data } of absent) this.#checkHash(block, data)
    for (const { block, data } of absent) this.#put(block, data)
  }

  async read(offset: number, length: number): Promise<Buffer> {
    checkRange(this.manifest, offset, length)
    this.#checkPresent(offset, length)
    const result = Buffer.allocUnsafeSlow(length)
    const { blockLengthBytes } = this.manifest
    for (let at = 0; at < length; ) {
      const within = (offset + at) % blockLengthBytes
      const block = this.#blocks.get((offset + at - within) / blockLengthBytes)
      at += block?.copy(result, at, within) ?? length
    }
    return result
  }

  readBlock(block: number): BlockBuffer | Promise<BlockBuffer> {
    const isHere = this.#state === 'open' && this.present.has(block)
    return (isHere ? this.#cache.find(block) : undefined) ?? this.#load(block)
  }

  async flush(): Promise<void> {
    this.#check()
  }

  async allocatedBytes(): Promise<number> {
    this.#check()
    return 0
  }

  async keep(wanted: Bitfield): Promise<void> {
    this.#check()
    const kept = keptBlocks(this.present, wanted)
    for (const block of [...this.present.ones()]) if (!kept.has(block)) this.#drop(block)
  }

  async verify({ signal, onProgress, range }: VerifyOptions = {}): Promise<LayerVerification> {
    this.#check()
    const blocks = [...presentInRange(this.manifest, this.present, range).ones()]
    const digestMatches = range === undefined && this.isComplete ? this.#digestMatches() : null
    const badBlocks: number[] = []
    let checkedBytes = 0
    for (const block of blocks) {
      signal?.throwIfAborted()
      const data = this.#blocks.get(block) ?? Buffer.alloc(0)
      if (!this.#isGood(block, data)) badBlocks.push(block)
      checkedBytes += data.length
      onProgress?.(checkedBytes)
    }
    for (const block of badBlocks) this.#drop(block)
    return { checkedBlocks: blocks.length, badBlocks, digestMatches }
  }

  /** Takes the whole layer, which is known to be verified. */
  fill(content: Buffer): void {
    for (const { block, data } of blockRun(this.manifest, 0, content)) this.#put(block, data)
  }

  close(): void {
    if (this.#state === 'open') this.#state = 'closed'
  }

  remove(): void {
    this.#state = 'removed'
    this.#blocks.clear()
    this.#cache.dropAll()
  }

  async #load(block: number): Promise<BlockBuffer> {
    const length = checkedBlockSize(this.manifest, block)
    this.#checkPresent(block * this.manifest.blockLengthBytes, length)
    return this.#cache.load(block, 0, async ([buffer]) => {
      this.#checkPresent(block * this.manifest.blockLengthBytes, length)
      if (buffer === undefined) return
      this.#blocks.get(block)?.copy(buffer.payload(length))
      this.#cache.keep(block, buffer, length)
    })
  }

  #put(block: number, data: Uint8Array): void {
    if (!this.present.set(block)) return
    this.#blocks.set(block, Buffer.from(data))
    this.#presentBytes += data.length
  }

  #drop(block: number): void {
    if (!this.present.clear(block)) return
    this.#blocks.delete(block)
    this.#cache.drop(block)
    this.#presentBytes -= blockSize(this.manifest, block)
  }

  #digestMatches(): boolean {
    const whole = Buffer.concat([...this.present.ones()].map((block) => this.#blocks.get(block) ?? Buffer.alloc(0)))
    return digestFromBytes(hash('sha256', whole, 'buffer')) === this.manifest.digest
  }

  #isGood(block: number, data: Uint8Array): boolean {
    return hash('sha256', data, 'buffer').equals(blockHash(this.manifest, block))
  }

  #checkHash(block: number, data: Uint8Array): void {
    if (!this.#isGood(block, data))
      throw storeError('SHOAL_STORE_BLOCK_MISMATCH', { digest: this.manifest.digest, block })
  }

  #checkPresent(offset: number, length: number): void {
    this.#check()
    const block = absentBlock(this.manifest, this.present, offset, length)
    if (block !== undefined) throw storeError('SHOAL_STORE_BLOCK_ABSENT', { digest: this.manifest.digest, block })
  }

  #check(): void {
    if (this.#state === 'open') return
    if (this.#state === 'closed') throw storeError('SHOAL_STORE_CLOSED')
    throw storeError('SHOAL_STORE_LAYER_UNKNOWN', { digest: this.manifest.digest })
  }
}
