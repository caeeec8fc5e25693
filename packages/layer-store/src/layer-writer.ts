import { type BlockBuffer, type BlockBuffers, blockHash, type Manifest } from '@shoal/core'
import type { BackgroundFlush } from './background-flush.ts'
import type { BlockCache } from './block-cache.ts'
import type { BlockLedger } from './block-ledger.ts'
import { blockRun, checkedBlockSize } from './block-run.ts'
import { storeError } from './errors.ts'
import type { LayerFile } from './layer-file.ts'
import { storeFailure } from './store-failure.ts'

/** Writers wait once this many times `durableBytes` are not durable, so that a slow disk bounds what a crash costs. */
const VOLATILE_LIMIT_FACTOR = 2
/** So many buffers one call of writeBlocks takes at a time: enough to keep the thread busy. */
const BUFFERS_PER_CALL = 4

export interface LayerWriterDeps {
  readonly manifest: Manifest
  readonly path: string
  readonly ledger: BlockLedger
  readonly cache: BlockCache
  readonly buffers: BlockBuffers
  readonly flush: BackgroundFlush
  /** The file as of now: it may be swapped. */
  readonly file: () => LayerFile
  /** Throws unless the layer is open. */
  readonly check: () => void
}

/** Writes blocks into the file of a layer, and counts them once they are in it. */
export class LayerWriter {
  readonly #deps: LayerWriterDeps
  readonly #durableBytes: number
  #pause: Promise<void> | undefined
  #pauses = 0

  constructor(deps: LayerWriterDeps, options: { durableBytes: number }) {
    this.#deps = deps
    this.#durableBytes = options.durableBytes
  }

  async writeBlock(block: number, buffer: BlockBuffer): Promise<void> {
    const { manifest, ledger, cache, check } = this.#deps
    const length = checkedBlockSize(manifest, block)
    check()
    if (ledger.present.has(block)) return
    const write = () => this.#writeBuffer(block, buffer, length)
    await this.#write(write, () => {
      ledger.add(block)
      cache.keep(block, buffer, length)
    })
  }

  async writeBlocks(firstBlock: number, data: Uint8Array): Promise<void> {
    const { manifest, ledger, buffers, check } = this.#deps
    const run = blockRun(manifest, firstBlock, data)
    check()
    const absent = run.filter(({ block }) => !ledger.present.has(block))
    if (absent.length === 0) return
    const copyAndWrite = async ({ block, data }: (typeof run)[number]) => {
      const buffer = await buffers.acquireWhenFree()
      try {
        buffer.payload(data.length).set(data)
        await this.#writeBuffer(block, buffer, data.length)
      } finally {
        buffer.release()
      }
    }
    const writeAll = async () => {
      for (let at = 0; at < absent.length; at += BUFFERS_PER_CALL) {
        const results = await Promise.allSettled(absent.slice(at, at + BUFFERS_PER_CALL).map(copyAndWrite))
        for (const result of results) if (result.status === 'rejected') throw result.reason
      }
    }
    await this.#write(writeAll, () => {
      for (const { block } of absent) ledger.add(block)
    })
  }

  /**
   * Runs what may wipe blocks that are about to be written, one such task at a time. No block counts from when it begins until it
   * ends, and a write that is under way by then is done once more.
   */
  async pauseFor(task: () => Promise<void>): Promise<void> {
    this.#pauses += 1
    const running = task()
    this.#pause = running.catch(() => {})
    try {
      await running
    } finally {
      this.#pause = undefined
    }
  }

  /** Writes blocks and has them counted, unless the layer or what it held was lost meanwhile. */
  async #write(write: () => Promise<void>, count: () => void): Promise<void> {
    const { ledger, flush, path, check } = this.#deps
    if (ledger.volatileBytes >= this.#durableBytes * VOLATILE_LIMIT_FACTOR) await flush.flush()
    for (let pauses = -1; pauses !== this.#pauses; ) {
      while (this.#pause !== undefined) await this.#pause
      check()
      pauses = this.#pauses
      const { lossCount } = ledger
      try {
        await write()
      } catch (error) {
        check()
        throw storeFailure(error, path)
      }
      check()
      if (lossCount !== ledger.lossCount) {
        throw storeError('SHOAL_STORE_IO', { path, reason: 'syncing the file failed during the write' })
      }
    }
    count()
    if (ledger.unsavedBytes >= this.#durableBytes) flush.start()
    else if (ledger.unsavedBytes > 0) flush.startLater()
  }

  async #writeBuffer(block: number, buffer: BlockBuffer, length: number): Promise<void> {
    const { manifest, file, check } = this.#deps
    // The file may be closed between two blocks of a call.
    check()
    const position = block * manifest.blockLengthBytes
    if (await file().writeBlock(position, buffer, { length, hash: blockHash(manifest, block) })) return
    throw storeError('SHOAL_STORE_BLOCK_MISMATCH', { digest: manifest.digest, block })
  }
}
