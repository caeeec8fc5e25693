import {
  Bitfield,
  type BlockBuffer,
  type BlockBuffers,
  blockSize,
  type Clock,
  digestHex,
  errorMessage,
  type Logger,
  type Manifest,
} from '@shoal/core'
import type { StateStore } from '@shoal/state'
import { blockRun, checkBlocks, splitRun } from './block-check.ts'
import { storeError } from './errors.ts'
import type { LayerFile } from './layer-file.ts'
import type { LayerDescription, LayerVerification, StoredLayer, VerifyOptions } from './layer-store.ts'
import { CHUNK_BLOCKS, presenceOperations } from './presence-record.ts'
import { absentBlock, checkRange } from './read-range.ts'
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
const UNSAVED_LIMIT_FACTOR = 4

/** A layer on disk. Steps that change records or swap the file run one at a time in a queue; reads and writes do not wait for it. */
export class DiskLayer implements StoredLayer {
  readonly manifest: Manifest
  readonly encodedManifest: Uint8Array
  readonly torrent: Uint8Array
  readonly path: string
  readonly present: Bitfield
  readonly buffers: BlockBuffers
  readonly #owner: number
  readonly #deps: DiskLayerDeps
  readonly #options: DiskLayerOptions
  readonly #queue = new SerialQueue()
  readonly #timer = new AbortController()
  #file: LayerFile
  #durable: Bitfield
  #presentBytes = 0
  #unsaved: number[] = []
  #unsavedBytes = 0
  /** What the flush under way took from the unsaved. */
  #savingBytes = 0
  #queuedFlush: Promise<void> | undefined
  #isTimerSet = false
  #isFlushFailing = false
  #syncFailures = 0
  #state: 'open' | 'closed' | 'removed' = 'open'

  constructor(deps: DiskLayerDeps, description: LayerDescription, options: DiskLayerOptions) {
    this.#deps = deps
    this.#options = options
    this.#file = deps.file
    this.buffers = deps.buffers
    this.#owner = deps.buffers.newOwner()
    this.manifest = description.manifest
    this.encodedManifest = description.encodedManifest
    this.torrent = description.torrent
    this.path = options.path
    this.present = options.present
    this.#durable = new Bitfield(this.present.length, this.present.toBytes())
    for (const block of this.present.ones()) this.#presentBytes += blockSize(this.manifest, block)
  }

  get durableBlocks(): number {
    return this.#durable.count
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
    if (runs.length === 0) return
    const unsavedBytes = this.#unsavedBytes + this.#savingBytes
    if (unsavedBytes >= this.#options.durableBytes * UNSAVED_LIMIT_FACTOR) await this.flush()
    await checkBlocks(this.manifest, runs)
    this.#check()
    const syncFailures = this.#syncFailures
    try {
      for (const part of runs) await this.#file.write(part.first * this.manifest.blockLengthBytes, part.data)
    } catch (error) {
      this.#check()
      throw storeFailure(error, this.path)
    }
    this.#check()
    if (syncFailures !== this.#syncFailures) {
      throw storeError('SHOAL_STORE_IO', { path: this.path, reason: 'syncing the file failed during the write' })
    }
    for (const part of runs) this.#add(part.first, part.end)
  }

  async read(offset: number, length: number): Promise<Buffer> {
    checkRange(this.manifest, offset, length)
    this.#check()
    const absent = absentBlock(this.manifest, this.present, offset, length)
    if (absent !== undefined) {
      throw storeError('SHOAL_STORE_BLOCK_ABSENT', { digest: this.manifest.digest, block: absent })
    }
    if (length === 0) return Buffer.alloc(0)
    try {
      const data = await this.#file.read(offset, length)
      // A check may have dropped the block while it was read.
      if (absentBlock(this.manifest, this.present, offset, length) !== undefined) return await this.read(offset, length)
      if (data.length === length) return data
    } catch (error) {
      this.#check()
      throw storeFailure(error, this.path)
    }
    throw storeError('SHOAL_STORE_IO', { path: this.path, reason: 'the file ends early: it was truncated' })
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

  flush(): Promise<void> {
    // One flush that has not begun yet serves all who ask meanwhile.
    this.#queuedFlush ??= this.#queue.run(() => {
      this.#queuedFlush = undefined
      return this.#save()
    })
    return this.#queuedFlush
  }

  async verify(options: VerifyOptions = {}): Promise<LayerVerification> {
    this.#check()
    const checked = new Bitfield(this.present.length, this.present.toBytes())
    const { inode } = this.#file
    const result = await verifyFile(
      {
        path: this.path,
        inode,
        sizeBytes: this.manifest.sizeBytes,
        blockLengthBytes: this.manifest.blockLengthBytes,
        present: checked.toBytes(),
        // A copy: cloning a view for the thread would clone the whole buffer below it.
        hashes: this.manifest.blockHashes.slice(),
        isWhole: checked.isFull,
      },
      options,
    ).catch((error: unknown) => {
      throw options.signal?.aborted ? error : storeFailure(error, this.path)
    })
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
      this.present.setAll()
      this.#durable.setAll()
      this.#presentBytes = this.manifest.sizeBytes
      this.#clearUnsaved()
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
    this.#timer.abort()
    await this.#file.close()
  }

  #add(first: number, end: number): void {
    for (let block = first; block < end; block += 1) {
      // Concurrent writers of one block both get here, with the same bytes; the first one counts.
      if (!this.present.set(block)) continue
      const size = blockSize(this.manifest, block)
      this.#presentBytes += size
      this.#unsaved.push(block)
      this.#unsavedBytes += size
    }
    if (this.#unsavedBytes >= this.#options.durableBytes) this.#flushInBackground()
    else if (this.#unsavedBytes > 0) this.#setTimer()
  }

  #setTimer(): void {
    if (this.#isTimerSet) return
    this.#isTimerSet = true
    this.#deps.clock.sleep(this.#options.durableMs, { signal: this.#timer.signal }).then(
      () => {
        this.#isTimerSet = false
        this.#flushInBackground()
      },
      () => {},
    )
  }

  #flushInBackground(): void {
    if (this.#queuedFlush !== undefined) return
    this.flush().then(
      () => {
        if (this.#isFlushFailing) this.#deps.logger.info({ digest: this.manifest.digest }, 'layer is flushed again')
        this.#isFlushFailing = false
      },
      (error: unknown) => {
        const fields = { digest: this.manifest.digest, error: errorMessage(error) }
        // Tried again and again while the disk is full: said once.
        if (!this.#isFlushFailing) this.#deps.logger.warn(fields, 'layer cannot be flushed')
        this.#isFlushFailing = true
      },
    )
  }

  async #save(): Promise<void> {
    this.#check()
    const blocks = this.#unsaved
    if (blocks.length === 0) return
    this.#savingBytes = this.#unsavedBytes
    this.#clearUnsaved()
    try {
      await this.#saveBlocks(blocks)
    } catch (error) {
      if (this.#unsaved.length > 0) this.#setTimer()
      throw storeFailure(error, this.path)
    } finally {
      this.#savingBytes = 0
    }
  }

  async #saveBlocks(blocks: number[]): Promise<void> {
    try {
      await this.#file.sync()
    } catch (error) {
      this.#loseUnsaved(blocks)
      throw error
    }
    const durable = new Bitfield(this.present.length, this.#durable.toBytes())
    // A block may have been dropped since it was written, or be here because it was.
    for (const block of blocks) {
      if (this.present.has(block)) durable.set(block)
      else durable.clear(block)
    }
    try {
      await this.#deps.state.batch(presenceOperations(this.manifest.digest, durable, chunksOf(blocks)))
    } catch (error) {
      this.#unsaved = blocks.concat(this.#unsaved)
      this.#unsavedBytes += this.#savingBytes
      throw error
    }
    this.#durable = durable
  }

  /**
   * The kernel reports a failed write-back once and then forgets the pages: whatever was not durable may be lost,
   * and a later sync that succeeds proves nothing about it.
   */
  #loseUnsaved(blocks: number[]): void {
    this.#syncFailures += 1
    const unsaved = blocks.concat(this.#unsaved)
    for (const block of unsaved) this.#clear(block)
    this.#clearUnsaved()
    // Dropped blocks that are still recorded as present have to be recorded as absent all the same.
    this.#unsaved = unsaved.filter((block) => this.#durable.has(block))
  }

  /** The blocks stop being served at once; if recording that fails it is tried again with every flush. */
  async #drop(blocks: number[], isFileGone: boolean): Promise<void> {
    this.#check()
    const { digest } = this.manifest
    this.#deps.logger.warn({ digest, blocks: blocks.length, isFileGone }, 'blocks of a layer are bad and are dropped')
    if (isFileGone) this.#loseAll()
    for (const block of blocks) this.#lose(block)
    await this.#save()
    if (!isFileGone) return
    const file = await this.#deps.replaceFile()
    const old = this.#file
    this.#file = file
    // What was written meanwhile went to the lost file, too: in the new one it would be zeros.
    this.#loseAll()
    await old.close()
    await this.#save()
  }

  #loseAll(): void {
    this.#syncFailures += 1
    for (const block of [...this.present.ones()]) this.#lose(block)
  }

  #lose(block: number): void {
    this.#clear(block)
    this.#unsaved.push(block)
  }

  #clear(block: number): void {
    if (this.present.clear(block)) this.#presentBytes -= blockSize(this.manifest, block)
  }

  #clearUnsaved(): void {
    this.#unsaved = []
    this.#unsavedBytes = 0
  }

  #check(): void {
    if (this.#state === 'open') return
    if (this.#state === 'closed') throw storeError('SHOAL_STORE_CLOSED')
    throw storeError('SHOAL_STORE_LAYER_UNKNOWN', { digest: this.manifest.digest })
  }
}

function chunksOf(blocks: readonly number[]): Set<number> {
  return new Set(blocks.map((block) => Math.floor(block / CHUNK_BLOCKS)))
}

async function freeBuffer(buffers: BlockBuffers): Promise<BlockBuffer> {
  for (;;) {
    const buffer = buffers.acquire()
    if (buffer !== undefined) return buffer
    await new Promise<void>((resolve) => buffers.onFree(resolve))
  }
}
