import {
  Bitfield,
  type BlockBuffer,
  type BlockBuffers,
  blockHash,
  type Clock,
  digestHex,
  errorMessage,
  type Logger,
  type Manifest,
} from '@shoal/core'
import type { StateStore } from '@shoal/state'
import { BackgroundFlush } from './background-flush.ts'
import { BlockCache } from './block-cache.ts'
import { BlockLedger } from './block-ledger.ts'
import { blockRun, checkedBlockSize } from './block-run.ts'
import { storeError } from './errors.ts'
import type { LayerFile } from './layer-file.ts'
import { LayerReader } from './layer-reader.ts'
import type { LayerDescription, LayerVerification, StoredLayer, VerifyOptions } from './layer-store.ts'
import { saveBlocks } from './save-blocks.ts'
import { SerialQueue } from './serial-queue.ts'
import { storeFailure } from './store-failure.ts'
import { verifyFile } from './verify-file.ts'

export interface DiskLayerDeps {
  readonly state: StateStore
  readonly logger: Logger
  readonly clock: Clock
  readonly buffers: BlockBuffers
  readonly file: LayerFile
  /** Makes the layer's file anew and records it, after it vanished under the running service. */
  readonly replaceFile: () => Promise<LayerFile>
}

export interface DiskLayerOptions {
  readonly path: string
  readonly durableBytes: number
  readonly durableMs: number
  /** What the records say. */
  readonly present: Bitfield
}

/** Writers wait once this many times `durableBytes` are not durable, so that a slow disk bounds what a crash costs. */
const VOLATILE_LIMIT_FACTOR = 2
/** So many buffers one call of writeBlocks takes at a time: enough to keep the thread busy. */
const BUFFERS_PER_CALL = 4

/** A layer on disk. Steps that change records or swap the file run one at a time in a queue; reads and writes do not wait for it. */
export class DiskLayer implements StoredLayer {
  readonly manifest: Manifest
  readonly encodedManifest: Uint8Array
  readonly torrent: Uint8Array
  readonly path: string
  readonly buffers: BlockBuffers
  readonly #deps: DiskLayerDeps
  readonly #options: DiskLayerOptions
  readonly #cache: BlockCache
  readonly #queue = new SerialQueue()
  readonly #ledger: BlockLedger
  readonly #reader: LayerReader
  readonly #flush: BackgroundFlush
  #file: LayerFile
  #state: 'open' | 'closed' | 'removed' = 'open'

  constructor(deps: DiskLayerDeps, description: LayerDescription, options: DiskLayerOptions) {
    this.#deps = deps
    this.#options = options
    this.#file = deps.file
    this.manifest = description.manifest
    this.encodedManifest = description.encodedManifest
    this.torrent = description.torrent
    this.path = options.path
    this.buffers = deps.buffers
    this.#cache = new BlockCache(deps.buffers)
    this.#ledger = new BlockLedger(this.manifest, options.present, (block) => this.#cache.drop(block))
    const source = { manifest: this.manifest, path: this.path, ledger: this.#ledger, cache: this.#cache }
    this.#reader = new LayerReader({ ...source, file: () => this.#file, check: () => this.#check() })
    const { clock, logger } = deps
    const { digest } = this.manifest
    const save = () => this.#save()
    this.#flush = new BackgroundFlush(
      { clock, logger, queue: this.#queue, save },
      { digest, delayMs: options.durableMs },
    )
  }

  get present(): Bitfield {
    return this.#ledger.present
  }

  get durableBlocks(): number {
    return this.#ledger.durableBlocks
  }

  get presentBytes(): number {
    return this.#ledger.presentBytes
  }

  get isComplete(): boolean {
    return this.present.isFull
  }

  async writeBlock(block: number, buffer: BlockBuffer): Promise<void> {
    const length = checkedBlockSize(this.manifest, block)
    this.#check()
    if (this.present.has(block)) return
    await this.#write(() => this.#writeBuffer(block, buffer, length), [block])
    if (this.#state === 'open' && this.present.has(block)) this.#cache.keep(block, buffer, length)
  }

  async writeBlocks(firstBlock: number, data: Uint8Array): Promise<void> {
    const run = blockRun(this.manifest, firstBlock, data)
    this.#check()
    const absent = run.filter(({ block }) => !this.present.has(block))
    if (absent.length === 0) return
    const copyAndWrite = async ({ block, data }: (typeof run)[number]) => {
      const buffer = await this.buffers.acquireWhenFree()
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
    await this.#write(
      writeAll,
      absent.map(({ block }) => block),
    )
  }

  read(offset: number, length: number): Promise<Buffer> {
    return this.#reader.read(offset, length)
  }

  readBlock(block: number, ahead?: number): BlockBuffer | Promise<BlockBuffer> {
    return this.#reader.readBlock(block, ahead)
  }

  flush(): Promise<void> {
    return this.#flush.flush()
  }

  async verify(options: VerifyOptions = {}): Promise<LayerVerification> {
    this.#check()
    const checked = new Bitfield(this.present.length, this.present.toBytes())
    const { inode } = this.#file
    const result = await verifyFile({ ...this.manifest, path: this.path, inode, present: checked }, options).catch(
      (error: unknown) => {
        throw options.signal?.aborted ? error : storeFailure(error, this.path)
      },
    )
    const badBlocks = result.isGone ? [...checked.ones()] : result.badBlocks
    if (badBlocks.length > 0) {
      const isDropped = await this.#queue.run(async () => {
        // It was another file that was checked: this one was adopted, or made anew, meanwhile.
        if (this.#file.inode !== inode) return false
        await this.#drop(badBlocks, result.isGone)
        return true
      })
      if (!isDropped) return this.verify(options)
    }
    const digestMatches = checked.isFull ? result.sha256 === digestHex(this.manifest.digest) : null
    return { checkedBlocks: checked.count, badBlocks, digestMatches }
  }

  /** Swaps in a complete file, once `record` has made that durable. */
  replace(record: () => Promise<LayerFile>): Promise<void> {
    return this.#queue.run(async () => {
      const file = await record()
      const old = this.#file
      this.#file = file
      this.#ledger.fill()
      this.#cache.dropAll()
      await old.close()
    })
  }

  /** Ends this object's use of the layer, once `record` has made that durable. */
  remove(record: () => Promise<void>): Promise<void> {
    return this.#queue.run(async () => {
      await record()
      await this.#end('removed')
    })
  }

  async close(): Promise<void> {
    await this.flush().catch((error: unknown) => {
      const fields = { digest: this.manifest.digest, error: errorMessage(error) }
      if (this.#state === 'open') this.#deps.logger.warn(fields, 'layer is closed without a last flush')
    })
    await this.#queue.run(() => this.#end('closed'))
  }

  async #end(state: 'closed' | 'removed'): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = state
    this.#flush.stop()
    this.#cache.dropAll()
    await this.#file.close()
  }

  /** Writes blocks and counts them, unless the layer or what it held was lost meanwhile. */
  async #write(write: () => Promise<void>, blocks: readonly number[]): Promise<void> {
    const { durableBytes } = this.#options
    if (this.#ledger.volatileBytes >= durableBytes * VOLATILE_LIMIT_FACTOR) await this.flush()
    this.#check()
    const { lossCount } = this.#ledger
    try {
      await write()
    } catch (error) {
      this.#check()
      throw storeFailure(error, this.path)
    }
    this.#check()
    if (lossCount !== this.#ledger.lossCount) {
      throw storeError('SHOAL_STORE_IO', { path: this.path, reason: 'syncing the file failed during the write' })
    }
    for (const block of blocks) this.#ledger.add(block)
    if (this.#ledger.unsavedBytes >= durableBytes) this.#flush.start()
    else if (this.#ledger.unsavedBytes > 0) this.#flush.startLater()
  }

  async #writeBuffer(block: number, buffer: BlockBuffer, length: number): Promise<void> {
    // The file may be closed between two blocks of a call.
    this.#check()
    const position = block * this.manifest.blockLengthBytes
    const hash = blockHash(this.manifest, block)
    if (await this.#file.writeBlock(position, buffer, { length, hash })) return
    throw storeError('SHOAL_STORE_BLOCK_MISMATCH', { digest: this.manifest.digest, block })
  }

  async #save(): Promise<void> {
    this.#check()
    const { state } = this.#deps
    try {
      await saveBlocks(this.#ledger, { file: this.#file, state, digest: this.manifest.digest })
    } catch (error) {
      if (this.#ledger.hasUnsaved) this.#flush.startLater()
      throw storeFailure(error, this.path)
    }
  }

  /** The blocks stop being served at once; if recording that fails it is tried again with every flush. */
  async #drop(blocks: number[], isFileGone: boolean): Promise<void> {
    this.#check()
    const { digest } = this.manifest
    this.#deps.logger.warn({ digest, blocks: blocks.length, isFileGone }, 'blocks of a layer are bad and are dropped')
    if (isFileGone) this.#ledger.dropAll()
    for (const block of blocks) this.#ledger.drop(block)
    await this.#save()
    if (!isFileGone) return
    const file = await this.#deps.replaceFile()
    const old = this.#file
    this.#file = file
    // What was written meanwhile went to the lost file, too: in the new one it would be zeros.
    this.#ledger.dropAll()
    await old.close()
    await this.#save()
  }

  #check(): void {
    if (this.#state === 'open') return
    if (this.#state === 'closed') throw storeError('SHOAL_STORE_CLOSED')
    throw storeError('SHOAL_STORE_LAYER_UNKNOWN', { digest: this.manifest.digest })
  }
}
