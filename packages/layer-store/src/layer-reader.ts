import type { BlockBuffer, Manifest } from '@shoal/core'
import type { BlockCache } from './block-cache.ts'
import type { BlockLedger } from './block-ledger.ts'
import { checkedBlockSize } from './block-run.ts'
import { storeError } from './errors.ts'
import type { LayerFile } from './layer-file.ts'
import { absentBlock, checkRange } from './read-range.ts'
import { storeFailure } from './store-failure.ts'

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

  constructor(deps: LayerReaderDeps) {
    this.#deps = deps
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const { manifest, cache } = this.#deps
    checkRange(manifest, offset, length)
    this.#checkPresent(offset, length)
    if (length === 0) return Buffer.alloc(0)
    const within = offset % manifest.blockLengthBytes
    if (within + length <= manifest.blockLengthBytes) {
      const kept = cache.copy((offset - within) / manifest.blockLengthBytes, within, length)
      if (kept !== undefined) return kept
    }
    let data: Buffer = Buffer.alloc(0)
    const read = () => this.#deps.file().read(offset, length)
    await this.#readPresent(offset, length, read, (bytes) => {
      data = bytes
    })
    if (data.length !== length) throw this.#endsEarly()
    return data
  }

  readBlock(block: number): BlockBuffer | Promise<BlockBuffer> {
    const { manifest, cache } = this.#deps
    try {
      const length = checkedBlockSize(manifest, block)
      this.#checkPresent(block * manifest.blockLengthBytes, length)
      return cache.find(block) ?? this.#load(block, length)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #load(block: number, length: number): Promise<BlockBuffer> {
    const { manifest, cache } = this.#deps
    const position = block * manifest.blockLengthBytes
    return cache.load(block, async (buffer) => {
      const read = () => this.#deps.file().readBlock(position, buffer, length)
      await this.#readPresent(position, length, read, (bytesRead) => {
        if (bytesRead !== length) throw this.#endsEarly()
        cache.keep(block, buffer, length)
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
