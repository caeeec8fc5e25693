import { type BlockBuffer, blockSize, type Manifest } from '@shoal/core'
import type { BlockCache } from './block-cache.ts'
import type { BlockLedger } from './block-ledger.ts'
import { checkedBlockSize } from './block-run.ts'
import { storeError } from './errors.ts'
import type { LayerFile } from './layer-file.ts'
import { absentBlock, checkRange } from './read-range.ts'
import { storeFailure } from './store-failure.ts'

/** Blocks that are read beyond the one that is asked for. */
const READ_AHEAD = 3

export interface LayerReaderDeps {
  readonly manifest: Manifest
  readonly path: string
  readonly ledger: BlockLedger
  readonly cache: BlockCache
  /** The file as of now: it may be swapped. */
  readonly file: () => LayerFile
  /** Throws unless the layer is open. */
  readonly check: () => void
}

/** Reads present bytes of a layer, from a buffer that holds them or from its file. */
export class LayerReader {
  readonly #deps: LayerReaderDeps
  /** The block after those read last. */
  #nextBlock = -1

  constructor(deps: LayerReaderDeps) {
    this.#deps = deps
  }

  async read(offset: number, length: number, { into }: { into?: Buffer | undefined } = {}): Promise<Buffer> {
    const { manifest, cache } = this.#deps
    checkRange(manifest, offset, length)
    this.#checkPresent(offset, length)
    if (length === 0) return Buffer.alloc(0)
    const within = offset % manifest.blockLengthBytes
    if (within + length <= manifest.blockLengthBytes) {
      const kept = cache.copy((offset - within) / manifest.blockLengthBytes, within, length, into)
      if (kept !== undefined) return kept
    }
    let data: Buffer = Buffer.alloc(0)
    const read = () => this.#deps.file().read(offset, length, into)
    await this.#readPresent(offset, length, read, (bytes) => {
      data = bytes
    })
    if (data.length !== length) throw this.#endsEarly()
    return data
  }

  readBlock(block: number, ahead = 0): BlockBuffer | Promise<BlockBuffer> {
    const { manifest, cache } = this.#deps
    try {
      const length = checkedBlockSize(manifest, block)
      this.#checkPresent(block * manifest.blockLengthBytes, length)
      return cache.find(block) ?? this.#readCached(block, length) ?? this.#load(block, ahead)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** A block that was written a moment ago and did not reach the disk yet. */
  #readCached(block: number, length: number): BlockBuffer | undefined {
    const { manifest, cache, ledger, file } = this.#deps
    const buffer = ledger.isVolatile(block) ? cache.acquire() : undefined
    if (buffer === undefined) return undefined
    try {
      if (file().readCachedBlock(block * manifest.blockLengthBytes, buffer.payload(length)) === length) {
        cache.keep(block, buffer, length)
        return buffer
      }
    } catch {
      // What is wrong with it is told by the ordinary way.
    }
    buffer.release()
    return undefined
  }

  /** Blocks that are read one after the other come a few at a time: most of a read's cost is not in its bytes. */
  async #load(block: number, wantedAhead: number): Promise<BlockBuffer> {
    const most = block === this.#nextBlock ? READ_AHEAD : Math.min(READ_AHEAD, wantedAhead)
    const { present } = this.#deps.ledger
    let ahead = 0
    while (ahead < most && present.has(block + ahead + 1)) ahead += 1
    try {
      return await this.#loadRun(block, ahead)
    } catch (error) {
      // It may be one of the others that was lost meanwhile, or that the disk cannot read.
      if (ahead === 0) throw error
      return this.#loadRun(block, 0)
    }
  }

  #loadRun(block: number, ahead: number): Promise<BlockBuffer> {
    const { manifest, cache } = this.#deps
    const position = block * manifest.blockLengthBytes
    return cache.load(block, ahead, async (buffers) => {
      this.#nextBlock = block + buffers.length
      const payloads = buffers.map((buffer, index) => buffer.payload(blockSize(manifest, block + index)))
      const length = payloads.reduce((sum, { length }) => sum + length, 0)
      const read = () => this.#deps.file().readBlocks(position, payloads)
      await this.#readPresent(position, length, read, (bytesRead) => {
        if (bytesRead !== length) throw this.#endsEarly()
        for (const [index, buffer] of buffers.entries()) cache.keep(block + index, buffer, payloads[index]?.length ?? 0)
      })
    })
  }

  /**
   * Reads what is present all the while: a block that a check drops, or a new file lacks, may have been read bad. `take` gets it
   * before anything else can happen.
   */
  async #readPresent<T>(
    offset: number,
    length: number,
    read: () => Promise<T>,
    take: (data: T) => void,
  ): Promise<void> {
    const { ledger, path, check } = this.#deps
    for (;;) {
      this.#checkPresent(offset, length)
      const { dropCount } = ledger
      const data = await read().catch((error: unknown) => {
        check()
        throw storeFailure(error, path)
      })
      check()
      if (dropCount === ledger.dropCount) return take(data)
    }
  }

  #checkPresent(offset: number, length: number): void {
    const { manifest, ledger, check } = this.#deps
    check()
    const block = absentBlock(manifest, ledger.present, offset, length)
    if (block !== undefined) throw storeError('SHOAL_STORE_BLOCK_ABSENT', { digest: manifest.digest, block })
  }

  #endsEarly(): Error {
    return storeError('SHOAL_STORE_IO', { path: this.#deps.path, reason: 'the file ends early: it was truncated' })
  }
}
