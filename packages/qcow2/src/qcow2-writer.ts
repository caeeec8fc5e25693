import { AppendFile } from './append-file.ts'
import { ClusterDeflater } from './cluster-deflater.ts'
import { encodeHeader } from './encode-header.ts'
import { type FrontTables, layOutFront } from './front-tables.ts'
import { type Compression, MAX_HEADER_BYTES } from './header.ts'
import { L2Builder } from './l2-builder.ts'
import type { RandomWrite } from './random-access.ts'
import { RefcountCounter } from './refcount-counter.ts'

/** How an image is written. */
export interface Qcow2Format {
  /** 9 to 21: clusters have 2 to this power bytes. */
  readonly clusterBits: number
  /** Of data clusters; `none` leaves them as they are. */
  readonly compression: Compression | 'none'
  /** On the compression library's own scale. */
  readonly level: number
}

/** A cluster that the image is to have, by its guest offset: `zero` reads as zeros whatever is below. Its bytes hold until the next is asked for. */
export interface ClusterContent {
  readonly guest: number
  readonly data: Buffer | 'zero'
}

/** Clusters that are compressed side by side: as many as the thread pool takes, and some that wait. */
const IN_HAND = 8
const SECTOR_BYTES = 512

/** A cluster, by its index, that is compressed. */
interface Packing {
  readonly cluster: number
  readonly deflater: ClusterDeflater
  readonly packed: Promise<Buffer | undefined>
}

/** What an image is to be, and of its clusters those, by their index, that a boot reads: they are to be written first. */
export interface Qcow2WriterOptions extends Qcow2Format {
  readonly virtualSizeBytes: number
  readonly hot?: Iterable<number> | undefined
}

/**
 * Writes a qcow2 image front to back: room for the header, the refcount table, the L1 table and the L2 tables of hot clusters, then
 * clusters in the order in which they come, the other L2 tables and the refcounts. What has its room in front is filled in at the end,
 * the header last, so that what is not finished is no image. Version 3, refcounts of 16 bits, no backing file.
 */
export class Qcow2Writer {
  readonly #sink: RandomWrite
  readonly #format: Qcow2Format
  readonly #virtualSizeBytes: number
  readonly #clusterBytes: number
  readonly #hot: ReadonlySet<number>
  readonly #front: FrontTables
  readonly #file: AppendFile
  readonly #l2: L2Builder
  readonly #refcounts: RefcountCounter
  readonly #idle: ClusterDeflater[] = []
  /** Where the last hot cluster ends. */
  #hotEnd: number

  constructor(sink: RandomWrite, { virtualSizeBytes, hot = [], ...format }: Qcow2WriterOptions) {
    const { clusterBits } = format
    if (!Number.isInteger(clusterBits) || clusterBits < 9 || clusterBits > 21) {
      throw new TypeError(`clusters of 2^${clusterBits} bytes`)
    }
    if (!Number.isSafeInteger(virtualSizeBytes) || virtualSizeBytes <= 0 || virtualSizeBytes % SECTOR_BYTES !== 0) {
      throw new TypeError(`a virtual size of ${virtualSizeBytes} bytes`)
    }
    this.#sink = sink
    this.#format = format
    this.#virtualSizeBytes = virtualSizeBytes
    this.#clusterBytes = 2 ** clusterBits
    this.#hot = new Set([...hot].filter((cluster) => cluster * this.#clusterBytes < virtualSizeBytes))
    this.#front = layOutFront({ clusterBytes: this.#clusterBytes, virtualSizeBytes, hot: this.#hot })
    this.#hotEnd = this.#front.endBytes
    this.#file = new AppendFile(sink, this.#front.endBytes)
    this.#l2 = new L2Builder(clusterBits)
    this.#refcounts = new RefcountCounter(this.#clusterBytes)
  }

  /**
   * Writes clusters, each at most once. One at the end of the disk may be shorter and is filled with zeros. May be called again until
   * {@link finish}.
   */
  async write(clusters: AsyncIterable<ClusterContent> | Iterable<ClusterContent>): Promise<void> {
    const { compression, level } = this.#format
    const inHand: Packing[] = []
    for await (const { guest, data } of clusters) {
      this.#check(guest)
      const cluster = guest / this.#clusterBytes
      if (data === 'zero') this.#l2.setZero(cluster)
      else if (compression === 'none') await this.#putPlain(cluster, data)
      else {
        const oldest = inHand.length < IN_HAND ? undefined : inHand.shift()
        if (oldest !== undefined) await this.#putPacked(oldest)
        const deflater = this.#idle.pop() ?? new ClusterDeflater(this.#clusterBytes, compression, level)
        inHand.push(pack(cluster, data, deflater))
      }
    }
    for (const next of inHand) await this.#putPacked(next)
  }

  /**
   * At the beginning of the file, all that a reader of hot clusters reads: the header, tables, and their data. Bytes, to be asked when
   * it is finished; 0 when no cluster is hot.
   */
  get bootBytes(): number {
    if (this.#hot.size === 0) return 0
    // A reader does not know how long the header is, nor where in its last sector a compressed cluster ends.
    const end = Math.max(MAX_HEADER_BYTES, Math.ceil(this.#hotEnd / SECTOR_BYTES) * SECTOR_BYTES)
    return Math.min(this.#file.end, end)
  }

  /** Writes the tables and the header; returns the bytes of the file. */
  async finish(): Promise<number> {
    const { refcountTableOffset, refcountTableBytes, l1Offset, l1Entries, l2Offsets } = this.#front
    await this.#file.align(this.#clusterBytes)
    const l1 = Buffer.alloc(l1Entries * 8)
    for (const { index, bytes } of this.#l2.tables()) {
      const inFront = l2Offsets.get(index)
      const at = inFront === undefined ? await this.#append(bytes) : await this.#put(inFront, bytes)
      // The bit that says that the refcount is one.
      l1.writeBigUInt64BE(BigInt(at) | (1n << 63n), index * 8)
    }
    await this.#put(l1Offset, l1)
    this.#refcounts.add(0, this.#clusterBytes)
    this.#refcounts.add(refcountTableOffset, refcountTableBytes)
    const { blocks, table } = this.#refcounts.layOut(this.#file.end, refcountTableBytes)
    for (const block of blocks) await this.#file.append(block)
    await this.#file.flush()
    await this.#sink.write(refcountTableOffset, table)
    await this.#writeHeader()
    return this.#file.end
  }

  async #writeHeader(): Promise<void> {
    const { clusterBits, compression } = this.#format
    const { refcountTableOffset, refcountTableBytes, l1Offset, l1Entries } = this.#front
    const header = Buffer.alloc(this.#clusterBytes)
    encodeHeader({
      clusterBits,
      virtualSizeBytes: this.#virtualSizeBytes,
      compression: compression === 'none' ? 'zlib' : compression,
      l1Offset,
      l1Entries,
      refcountTableOffset,
      refcountTableClusters: refcountTableBytes / this.#clusterBytes,
    }).copy(header)
    await this.#sink.write(0, header)
  }

  async #putPacked({ cluster, deflater, packed }: Packing): Promise<void> {
    const bytes = await packed
    if (bytes === undefined) await this.#putPlain(cluster, deflater.cluster)
    else {
      this.#l2.setCompressed(cluster, await this.#append(bytes), bytes.length)
      this.#noteHot(cluster)
    }
    this.#idle.push(deflater)
  }

  async #putPlain(cluster: number, data: Buffer): Promise<void> {
    await this.#file.align(this.#clusterBytes)
    this.#l2.setData(cluster, await this.#append(data))
    await this.#file.align(this.#clusterBytes)
    this.#noteHot(cluster)
  }

  /** To be called when the cluster is the last in the file. */
  #noteHot(cluster: number): void {
    if (this.#hot.has(cluster)) this.#hotEnd = this.#file.end
  }

  /** Writes at the end and counts a reference to each host cluster that it touches; returns where it is. */
  async #append(bytes: Buffer): Promise<number> {
    const at = this.#file.end
    this.#refcounts.add(at, bytes.length)
    await this.#file.append(bytes)
    return at
  }

  /** Writes into the room in front and counts a reference to each host cluster that it touches; returns where it is. */
  async #put(at: number, bytes: Buffer): Promise<number> {
    this.#refcounts.add(at, bytes.length)
    await this.#sink.write(at, bytes)
    return at
  }

  #check(guest: number): void {
    const isCluster = Number.isSafeInteger(guest) && guest >= 0 && guest % this.#clusterBytes === 0
    if (isCluster && guest < this.#virtualSizeBytes && !this.#l2.has(guest / this.#clusterBytes)) return
    throw new TypeError(`guest offset ${guest} is no cluster of the image, or was written before`)
  }
}

function pack(cluster: number, data: Buffer, deflater: ClusterDeflater): Packing {
  data.copy(deflater.cluster)
  deflater.cluster.fill(0, data.length)
  const packed = deflater.deflate()
  // A failure is seen when its turn comes; nobody may come for it.
  packed.catch(() => {})
  return { cluster, deflater, packed }
}
