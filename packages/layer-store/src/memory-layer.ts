import { webcrypto } from 'node:crypto'
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
import { blockRun, checkBlocks, splitRun } from './block-check.ts'
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
  readonly #owner: number
  readonly #blocks = new Map<number, Buffer>()
  #presentBytes = 0
  #state: 'open' | 'closed' | 'removed' = 'open'

  constructor(description: LayerDescription, buffers: BlockBuffers) {
    this.buffers = buffers
    this.#owner = buffers.newOwner()
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

  async writeBlocks(firstBlock: number, data: Uint8Array): Promise<void> {
    const run = blockRun(this.manifest, firstBlock, data)
    this.#check()
    const runs = splitRun(this.manifest, run, (block) => this.present.has(block))
    await checkBlocks(this.manifest, runs)
    this.#check()
    for (const part of runs) this.#put(part.first, part.data)
  }

  async read(offset: number, length: number): Promise<Buffer> {
    checkRange(this.manifest, offset, length)
    this.#check()
    const absent = absentBlock(this.manifest, this.present, offset, length)
    if (absent !== undefined) {
      throw storeError('SHOAL_STORE_BLOCK_ABSENT', { digest: this.manifest.digest, block: absent })
    }
    const result = Buffer.allocUnsafeSlow(length)
    const { blockLengthBytes } = this.manifest
    for (let at = 0; at < length; ) {
      const within = (offset + at) % blockLengthBytes
      const block = this.#blocks.get((offset + at - within) / blockLengthBytes)
      at += block?.copy(result, at, within) ?? length
    }
    return result
  }

  async writeBlock(block: number, buffer: BlockBuffer): Promise<void> {
    const wasPresent = this.present.has(block)
    await this.writeBlocks(block, buffer.payload(blockSize(this.manifest, block)))
    if (!wasPresent) this.buffers.keep(buffer, this.#owner, block, blockSize(this.manifest, block))
  }

  readBlock(block: number): BlockBuffer | Promise<BlockBuffer> {
    const kept = this.present.has(block) ? this.buffers.find(this.#owner, block) : undefined
    return kept ?? this.#readBlock(block)
  }

  async #readBlock(block: number): Promise<BlockBuffer> {
    const data = await this.read(block * this.manifest.blockLengthBytes, blockSize(this.manifest, block))
    const buffer = await freeBuffer(this.buffers)
    buffer.payload(data.length).set(data)
    return buffer
  }

  async flush(): Promise<void> {
    this.#check()
  }

  async verify({ signal, onProgress }: VerifyOptions = {}): Promise<LayerVerification> {
    this.#check()
    const digestMatches = this.isComplete ? await this.#digestMatches() : null
    const badBlocks: number[] = []
    const blocks = [...this.present.ones()]
    let checkedBytes = 0
    for (const block of blocks) {
      signal?.throwIfAborted()
      const data = this.#blocks.get(block) ?? Buffer.alloc(0)
      const hash = await webcrypto.subtle.digest('SHA-256', data as Buffer<ArrayBuffer>)
      if (Buffer.compare(new Uint8Array(hash), blockHash(this.manifest, block)) !== 0) badBlocks.push(block)
      checkedBytes += data.length
      onProgress?.(checkedBytes)
    }
    for (const block of badBlocks) this.#drop(block)
    return { checkedBlocks: blocks.length, badBlocks, digestMatches }
  }

  /** Takes the whole layer, which is known to be verified. */
  fill(data: Buffer): void {
    this.#put(0, data)
  }

  close(): void {
    if (this.#state === 'open') this.#state = 'closed'
  }

  remove(): void {
    this.#state = 'removed'
    this.#blocks.clear()
  }

  #put(first: number, data: Uint8Array): void {
    const { blockLengthBytes } = this.manifest
    for (let start = 0; start < data.length; start += blockLengthBytes) {
      const block = first + start / blockLengthBytes
      // Concurrent writers of one block both get here; the first one counts.
      if (!this.present.set(block)) continue
      const size = blockSize(this.manifest, block)
      this.#blocks.set(block, Buffer.from(data.subarray(start, start + size)))
      this.#presentBytes += size
    }
  }

  #drop(block: number): void {
    if (!this.present.clear(block)) return
    this.#blocks.delete(block)
    this.#presentBytes -= blockSize(this.manifest, block)
  }

  async #digestMatches(): Promise<boolean> {
    const whole = Buffer.concat([...this.present.ones()].map((block) => this.#blocks.get(block) ?? Buffer.alloc(0)))
    const hash = await webcrypto.subtle.digest('SHA-256', whole)
    return digestFromBytes(new Uint8Array(hash)) === this.manifest.digest
  }

  #check(): void {
    if (this.#state === 'open') return
    if (this.#state === 'closed') throw storeError('SHOAL_STORE_CLOSED')
    throw storeError('SHOAL_STORE_LAYER_UNKNOWN', { digest: this.manifest.digest })
  }
}

async function freeBuffer(buffers: BlockBuffers): Promise<BlockBuffer> {
  for (;;) {
    const buffer = buffers.acquire()
    if (buffer !== undefined) return buffer
    await new Promise<void>((resolve) => buffers.onFree(resolve))
  }
}
