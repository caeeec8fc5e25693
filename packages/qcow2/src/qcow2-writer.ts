import { AppendFile } from './append-file.ts'
import { ClusterDeflater } from './cluster-deflater.ts'
import { encodeHeader } from './encode-header.ts'
import type { Compression } from './header.ts'
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

/**
 * Writes a qcow2 image front to back: room for the header, clusters in the order in which they come, then L2 tables, the L1 table and
 * refcounts; the header last, so that what is not finished is no image. Version 3, refcounts of 16 bits, no backing file.
 */
export class Qcow2Writer {
  readonly #sink: RandomWrite
  readonly #format: Qcow2Format
  readonly #virtualSizeBytes: number
  readonly #clusterBytes: number
  readonly #file: AppendFile
  readonly #l2: L2Builder
  readonly #refcounts: RefcountCounter
  readonly #idle: ClusterDeflater[] = []

  constructor(sink: RandomWrite, { virtualSizeBytes, ...format }: Qcow2Format & { readonly virtualSizeBytes: number }) {
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
    this.#file = new AppendFile(sink, this.#clusterBytes)
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

  /** Writes the tables and the header; returns the bytes of the file. */
  async finish(): Promise<number> {
    await this.#file.align(this.#clusterBytes)
    const l1Entries = Math.ceil(this.#virtualSizeBytes / (this.#clusterBytes * (this.#clusterBytes / 8)))
    const l1 = Buffer.alloc(l1Entries * 8)
    for (const { index, bytes } of this.#l2.tables()) {
      // The bit that says that the refcount is one.
      l1.writeBigUInt64BE(BigInt(await this.#append(bytes)) | (1n << 63n), index * 8)
    }
    const l1Offset = await this.#append(l1)
    await this.#file.align(this.#clusterBytes)
    this.#refcounts.add(0, this.#clusterBytes)
    const { blocks, table, tableOffset } = this.#refcounts.layOut(this.#file.end)
    for (const block of blocks) await this.#file.append(block)
    await this.#file.append(table)
    await this.#file.flush()
    await this.#writeHeader({ l1Offset, l1Entries, tableOffset, tableBytes: table.length })
    return this.#file.end
  }

  async #writeHeader(at: { l1Offset: number; l1Entries: number; tableOffset: number; tableBytes: number }) {
    const { clusterBits, compression } = this.#format
    const header = Buffer.alloc(this.#clusterBytes)
    encodeHeader({
      clusterBits,
      virtualSizeBytes: this.#virtualSizeBytes,
      compression: compression === 'none' ? 'zlib' : compression,
      l1Offset: at.l1Offset,
      l1Entries: at.l1Entries,
      refcountTableOffset: at.tableOffset,
      refcountTableClusters: at.tableBytes / this.#clusterBytes,
    }).copy(header)
    await this.#sink.write(0, header)
  }

  async #putPacked({ cluster, deflater, packed }: Packing): Promise<void> {
    const bytes = await packed
    if (bytes === undefined) await this.#putPlain(cluster, deflater.cluster)
    else this.#l2.setCompressed(cluster, await this.#append(bytes), bytes.length)
    this.#idle.push(deflater)
  }

  async #putPlain(cluster: number, data: Buffer): Promise<void> {
    await this.#file.align(this.#clusterBytes)
    this.#l2.setData(cluster, await this.#append(data))
    await this.#file.align(this.#clusterBytes)
  }

  /** Writes at the end and counts a reference to each host cluster that it touches; returns where it is. */
  async #append(bytes: Buffer): Promise<number> {
    const at = this.#file.end
    this.#refcounts.add(at, bytes.length)
    await this.#file.append(bytes)
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
