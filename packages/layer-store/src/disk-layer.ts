import { dirname } from 'node:path'
import {
  type Bitfield,
  type BlockBuffer,
  type BlockBuffers,
  type Clock,
  digestHex,
  errorMessage,
  type Logger,
  type Manifest,
} from '@shoal/core'
import type { StateStore } from '@shoal/state'
import { BackgroundFlush } from './background-flush.ts'
import { BlockCache } from './block-cache.ts'
import { keptBlocks, widestGaps } from './block-gaps.ts'
import { BlockLedger } from './block-ledger.ts'
import { presentInRange } from './block-range.ts'
import { storeError } from './errors.ts'
import { freeAbsent } from './free-absent.ts'
import { LayerDirectory } from './layer-directory.ts'
import type { LayerFile } from './layer-file.ts'
import { LayerReader } from './layer-reader.ts'
import type { LayerDescription, LayerVerification, StoredLayer, VerifyOptions } from './layer-store.ts'
import { LayerWriter } from './layer-writer.ts'
import { saveBlocks } from './save-blocks.ts'
import { SerialQueue } from './serial-queue.ts'
import { storeFailure } from './store-failure.ts'
import { type VerifyResult, verifyFile } from './verify-file.ts'

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

/** A layer on disk. Steps that change records or swap the file run one at a time in a queue; reads and writes do not wait for it. */
export class DiskLayer implements StoredLayer {
  readonly manifest: Manifest
  readonly encodedManifest: Uint8Array
  readonly torrent: Uint8Array
  readonly path: string
  readonly buffers: BlockBuffers
  readonly #deps: DiskLayerDeps
  readonly #cache: BlockCache
  readonly #queue = new SerialQueue()
  readonly #ledger: BlockLedger
  readonly #reader: LayerReader
  readonly #flush: BackgroundFlush
  readonly #writer: LayerWriter
  /** What is being verified. A block that becomes absent is taken out. */
  readonly #checks = new Set<Bitfield>()
  #file: LayerFile
  #state: 'open' | 'closed' | 'removed' = 'open'

  constructor(deps: DiskLayerDeps, description: LayerDescription, options: DiskLayerOptions) {
    this.#deps = deps
    this.#file = deps.file
    this.manifest = description.manifest
    this.encodedManifest = description.encodedManifest
    this.torrent = description.torrent
    this.path = options.path
    this.buffers = deps.buffers
    this.#cache = new BlockCache(deps.buffers)
    this.#ledger = new BlockLedger(this.manifest, options.present, (block) => this.#onAbsent(block))
    const parts = { manifest: this.manifest, path: this.path, ledger: this.#ledger, cache: this.#cache }
    const shared = { ...parts, file: () => this.#file, check: () => this.#check() }
    this.#reader = new LayerReader(shared)
    const { clock, logger } = deps
    const { digest } = this.manifest
    const save = () => this.#save()
    this.#flush = new BackgroundFlush(
      { clock, logger, queue: this.#queue, save },
      { digest, delayMs: options.durableMs },
    )
    this.#writer = new LayerWriter({ ...shared, buffers: this.buffers, flush: this.#flush }, options)
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

  writeBlock(block: number, buffer: BlockBuffer): Promise<void> {
    return this.#writer.writeBlock(block, buffer)
  }

  writeBlocks(firstBlock: number, data: Uint8Array): Promise<void> {
    return this.#writer.writeBlocks(firstBlock, data)
  }

  read(offset: number, length: number, options?: { into?: Buffer | undefined }): Promise<Buffer> {
    return this.#reader.read(offset, length, options)
  }

  readBlock(block: number, ahead?: number): BlockBuffer | Promise<BlockBuffer> {
    return this.#reader.readBlock(block, ahead)
  }

  flush(): Promise<void> {
    return this.#flush.flush()
  }

  async allocatedBytes(): Promise<number> {
    this.#check()
    try {
      return await new LayerDirectory(dirname(this.path)).allocatedBytes()
    } catch (error) {
      throw storeFailure(error, this.path)
    }
  }

  async keep(wanted: Bitfield): Promise<void> {
    this.#check()
    await this.#queue.run(() => this.#writer.pauseFor(() => this.#keep(wanted)))
  }

  async verify(options: VerifyOptions = {}): Promise<LayerVerification> {
    this.#check()
    const checked = presentInRange(this.manifest, this.present, options.range)
    const { inode } = this.#file
    this.#checks.add(checked)
    try {
      const result = await verifyFile({ ...this.manifest, path: this.path, inode, present: checked }, options).catch(
        (error: unknown) => {
          throw options.signal?.aborted ? error : storeFailure(error, this.path)
        },
      )
      const checkedBlocks = checked.count
      const isWhole = options.range === undefined && checked.isFull
      const badBlocks = await this.#dropBad(result, checked, inode)
      if (badBlocks === undefined) return await this.verify(options)
      const digestMatches = isWhole ? result.sha256 === digestHex(this.manifest.digest) : null
      return { checkedBlocks, badBlocks, digestMatches }
    } finally {
      this.#checks.delete(checked)
    }
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

  async #keep(wanted: Bitfield): Promise<void> {
    this.#check()
    const { present, manifest } = this
    const kept = keptBlocks(present, wanted)
    const leaving = [...present.ones()].filter((block) => !kept.has(block))
    for (const block of leaving) this.#ledger.drop(block)
    await this.#save()
    // Only now: a block that is recorded as present must be there.
    try {
      await freeAbsent(this.#file, manifest, { present, gaps: widestGaps(present, leaving) })
    } catch (error) {
      throw storeFailure(error, this.path)
    }
  }

  /** Drops what a check found bad, and says what that was; undefined when the check was of another file than this. */
  async #dropBad(result: VerifyResult, checked: Bitfield, inode: string): Promise<number[] | undefined> {
    // A block that became absent while it was checked may be here again, and good: it is no longer among those checked.
    const findBad = () => (result.isGone ? [...checked.ones()] : result.badBlocks.filter((block) => checked.has(block)))
    if (findBad().length === 0) return []
    return this.#queue.run(async () => {
      // That file was adopted, or made anew, meanwhile.
      if (this.#file.inode !== inode) return undefined
      const badBlocks = findBad()
      if (badBlocks.length > 0) await this.#drop(badBlocks, result.isGone)
      return badBlocks
    })
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

  #onAbsent(block: number): void {
    this.#cache.drop(block)
    for (const checked of this.#checks) checked.clear(block)
  }

  #check(): void {
    if (this.#state === 'open') return
    if (this.#state === 'closed') throw storeError('SHOAL_STORE_CLOSED')
    throw storeError('SHOAL_STORE_LAYER_UNKNOWN', { digest: this.manifest.digest })
  }
}
