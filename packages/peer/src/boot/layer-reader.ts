import { blockCount, blockSize, type Digest, errorCode, type Manifest } from '@shoal/core'
import type { RandomAccess } from '@shoal/qcow2'
import { backOffMs } from '../back-off.ts'
import { wholeSectors } from '../compose/open-layer.ts'
import { BlockDemands, type BlockDemandsDeps } from './layer-reader-demands.ts'
import { TimeUp } from './layer-reader-patience.ts'
import { ReadAhead } from './read-ahead.ts'

/** Time before a block is asked for again that came and was lost before it was read. */
const LOST = { firstMs: 50, lastMs: 5000 }

export interface LayerReadOptions {
  /** What waits for a block ends when it is aborted. Whoever reads aborts it when the read is over in any way. */
  readonly signal?: AbortSignal | undefined
  /** Hears of each block that is waited for, with its bytes if nobody else waited for it before. */
  readonly onDemand?: ((bytes: number, layer: Digest) => void) | undefined
}

/**
 * A layer's file as if all of it were here: what is present is read from the file at once, what is absent is demanded first. Nothing is
 * given that was not verified. It is shared by all who read the layer.
 */
export class LayerReader implements RandomAccess {
  /** Of a raw layer whole sectors: zeros are behind its file. */
  readonly sizeBytes: number
  readonly #deps: BlockDemandsDeps
  readonly #demands: BlockDemands
  readonly #ahead = new ReadAhead()

  constructor(deps: BlockDemandsDeps) {
    const { sizeBytes, format } = deps.layer.manifest
    this.sizeBytes = format === 'raw' ? wholeSectors(sizeBytes) : sizeBytes
    this.#deps = deps
    this.#demands = new BlockDemands(deps)
  }

  get manifest(): Manifest {
    return this.#deps.layer.manifest
  }

  /** Blocks that are waited for. */
  get demanded(): number {
    return this.#demands.size
  }

  /** Whether nothing of a range has to be waited for. */
  isHere(offset: number, length: number): boolean {
    const { present } = this.#deps.layer
    if (present.isFull) return true
    const { first, end } = this.#blocks(offset, length)
    for (let block = first; block < end; block += 1) if (!present.has(block)) return false
    return true
  }

  async read(
    offset: number,
    length: number,
    { signal, into }: { signal?: AbortSignal | undefined; into?: Buffer | undefined } = {},
  ): Promise<Buffer> {
    const wanted = Math.max(0, Math.min(length, this.sizeBytes - offset))
    const bytes = into?.subarray(0, wanted) ?? Buffer.allocUnsafe(wanted)
    await this.readInto(offset, bytes, { signal })
    return bytes
  }

  /** Fills `into`, with zeros behind the end of the file. Does not touch it any more once this has settled. */
  readInto(offset: number, into: Buffer, options: LayerReadOptions): Promise<void> {
    const { layer } = this.#deps
    const stored = Math.max(0, Math.min(into.length, layer.manifest.sizeBytes - offset))
    if (stored < into.length) into.fill(0, stored)
    if (stored === 0) return Promise.resolve()
    const bytes = stored === into.length ? into : into.subarray(0, stored)
    if (layer.present.isFull) return this.#readStored(offset, bytes)
    this.#lookAhead(offset, stored)
    return this.#read(offset, bytes, options)
  }

  /** Resolves when all blocks of a range are here. Gives those that could not be stored. */
  async arrive(
    offset: number,
    length: number,
    { signal, onDemand }: LayerReadOptions,
  ): Promise<ReadonlyMap<number, Buffer>> {
    const { present, manifest } = this.#deps.layer
    const unstored = new Map<number, Buffer>()
    const { first, end } = this.#blocks(offset, length)
    const waits: Promise<void>[] = []
    const wait = async (block: number) => {
      const bytes = await this.#wait(block, signal)
      if (bytes !== undefined) unstored.set(block, bytes)
    }
    for (let block = first; block < end; block += 1) {
      if (present.has(block)) continue
      const kept = this.#demands.kept(block)
      if (kept !== undefined) unstored.set(block, kept)
      else {
        onDemand?.(this.#demands.isUnderWay(block) ? 0 : blockSize(manifest, block), manifest.digest)
        waits.push(wait(block))
      }
    }
    await Promise.all(waits)
    return unstored
  }

  /** Says that a range will be read soon. */
  hint(offset: number, length: number): void {
    const { layer, source } = this.#deps
    const { first, end } = this.#blocks(offset, length)
    for (let block = first; block < end; block += 1) {
      const start = block
      while (block < end && !layer.present.has(block)) block += 1
      if (block > start) source.hint(layer.manifest.digest, start, block - start)
    }
  }

  async #read(offset: number, into: Buffer, options: LayerReadOptions): Promise<void> {
    const { clock, random } = this.#deps
    for (let failures = 0; ; failures += 1) {
      if (failures > 1) await clock.sleep(backOffMs(failures - 1, random, LOST), { signal: options.signal })
      try {
        if (this.isHere(offset, into.length)) await this.#readStored(offset, into)
        else await this.#fill(offset, into, await this.arrive(offset, into.length, options))
        return
      } catch (error) {
        // A check found it bad, or the disk lost it, after it had come.
        if (errorCode(error) !== 'SHOAL_STORE_BLOCK_ABSENT') throw error
        options.signal?.throwIfAborted()
      }
    }
  }

  /** Takes some blocks from memory and all others from the store. */
  async #fill(offset: number, into: Buffer, unstored: ReadonlyMap<number, Buffer>): Promise<void> {
    const { blockLengthBytes } = this.manifest
    const end = offset + into.length
    const reads: Promise<void>[] = []
    let from = offset
    const readUpTo = (to: number) => {
      if (to > from) reads.push(this.#readStored(from, into.subarray(from - offset, to - offset)))
    }
    for (const [block, bytes] of [...unstored].sort(([one], [other]) => one - other)) {
      const start = Math.max(offset, block * blockLengthBytes)
      const stop = Math.min(end, (block + 1) * blockLengthBytes)
      readUpTo(start)
      bytes.copy(into, start - offset, start - block * blockLengthBytes, stop - block * blockLengthBytes)
      from = stop
    }
    readUpTo(end)
    for (const result of await Promise.allSettled(reads)) if (result.status === 'rejected') throw result.reason
  }

  async #readStored(offset: number, into: Buffer): Promise<void> {
    const data = await this.#deps.layer.read(offset, into.length, { into })
    const isThere = data.buffer === into.buffer && data.byteOffset === into.byteOffset
    if (!isThere) data.copy(into)
  }

  async #wait(block: number, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    let failure: unknown
    const note = () => {
      failure = this.#demands.failureOf(block)
    }
    // When its last reader has gone nothing is known of a block any more.
    signal?.addEventListener('abort', note, { once: true })
    try {
      return await this.#demands.wait(block, signal)
    } catch (error) {
      if (error instanceof TimeUp) throw error.about(this.manifest.digest, block, failure)
      throw error
    } finally {
      signal?.removeEventListener('abort', note)
    }
  }

  #lookAhead(offset: number, length: number): void {
    const ahead = this.#ahead.onRead(offset, length)
    if (ahead !== undefined) this.hint(ahead.start, ahead.length)
  }

  /** The blocks of a range, as far as the file goes: first, and one past the last. */
  #blocks(offset: number, length: number): { first: number; end: number } {
    const { manifest } = this
    const first = Math.floor(offset / manifest.blockLengthBytes)
    const end = Math.min(Math.ceil((offset + length) / manifest.blockLengthBytes), blockCount(manifest))
    return { first, end: length > 0 ? end : first }
  }
}
