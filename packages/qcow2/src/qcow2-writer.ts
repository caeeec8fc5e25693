import { deflateCluster } from './deflate-cluster.ts'
import type { Compression } from './header.ts'
import { encodeHeader } from './encode-header.ts'
import { RefcountCounter } from './refcount-counter.ts'

/** Where an image is written: a new file. */
export interface RandomWrite {
  write(offset: number, bytes: Buffer): Promise<void>
}

export interface Qcow2WriterOptions {
  readonly virtualSizeBytes: number
  /** 9 to 21. */
  readonly clusterBits: number
  /** Of data clusters; `none` leaves them as they are. */
  readonly compression: Compression | 'none'
  readonly level: number
}

/** A cluster that the image is to have: `zero` reads as zeros whatever is below. */
export type ClusterContent = { readonly guest: number; readonly data: Buffer } | { readonly guest: number; readonly data: 'zero' }

const COPIED = 1n << 63n
const COMPRESSED = 1n << 62n
const ZERO = 1n
const SECTOR = 512
/** Clusters that are compressed side by side: as many as zlib's threads take, and some that wait. */
const IN_HAND = 8

/**
 * Writes a qcow2 image front to back: the header's cluster, clusters in the order in which they come, then L2 tables, the L1 table and
 * refcounts; the header last, so that what is not finished is no image. Version 3, refcounts of 16 bits, no backing file.
 */
export class Qcow2Writer {
  readonly #sink: RandomWrite
  readonly #options: Qcow2WriterOptions
  readonly #clusterBytes: number
  readonly #perTable: number
  readonly #tables = new Map<number, BigUint64Array>()
  readonly #refcounts: RefcountCounter
  /** Where the next byte goes. */
  #end: number

  constructor(sink: RandomWrite, options: Qcow2WriterOptions) {
    const { clusterBits, virtualSizeBytes } = options
    if (!Number.isInteger(clusterBits) || clusterBits < 9 || clusterBits > 21) throw new TypeError(`${clusterBits} cluster bits`)
    if (!Number.isSafeInteger(virtualSizeBytes) || virtualSizeBytes <= 0 || virtualSizeBytes % SECTOR !== 0) {
      throw new TypeError(`a virtual size of ${virtualSizeBytes} bytes`)
    }
    this.#sink = sink
    this.#options = options
    this.#clusterBytes = 2 ** clusterBits
    this.#perTable = this.#clusterBytes / 8
    this.#refcounts = new RefcountCounter(this.#clusterBytes)
    this.#end = this.#clusterBytes
  }

  /** Writes clusters, each once, in this order. A last one that is shorter is filled with zeros. May be called again until {@link finish}. */
  async write(clusters: AsyncIterable<ClusterContent> | Iterable<ClusterContent>): Promise<void> {
    const inHand: Promise<{ guest: number; raw: Buffer; packed: Buffer | undefined }>[] = []
    for await (const { guest, data } of clusters) {
      this.#check(guest)
      if (data === 'zero') {
        this.#setEntry(guest, ZERO)
        continue
      }
      inHand.push(this.#pack(guest, data))
      if (inHand.length >= IN_HAND) await this.#put(inHand)
    }
    while (inHand.length > 0) await this.#put(inHand)
  }

  /** Writes the tables and the header; returns the bytes of the file. */
  async finish(): Promise<number> {
    const cluster = this.#clusterBytes
    this.#align()
    const { virtualSizeBytes, clusterBits, compression } = this.#options
    const l1Entries = Math.ceil(virtualSizeBytes / (cluster * this.#perTable))
    const l1 = Buffer.alloc(Math.max(1, l1Entries) * 8)
    for (const [index, table] of [...this.#tables].sort(([one], [other]) => one - other)) {
      const bytes = Buffer.alloc(cluster)
      table.forEach((entry, at) => void bytes.writeBigUInt64BE(entry, at * 8))
      l1.writeBigUInt64BE(BigInt(this.#end) | COPIED, index * 8)
      await this.#append(bytes)
    }
    const l1Offset = this.#end
    await this.#append(l1)
    this.#align()
    this.#refcounts.add(0, cluster)
    const refcounts = this.#refcounts.layOut(this.#end)
    for (const { offset, bytes } of refcounts.blocks) await this.#sink.write(offset, bytes)
    await this.#sink.write(refcounts.tableOffset, refcounts.table)
    const header = encodeHeader({
      clusterBits,
      virtualSizeBytes,
      compression: compression === 'none' ? 'zlib' : compression,
      l1Offset,
      l1Entries,
      refcountTableOffset: refcounts.tableOffset,
      refcountTableClusters: refcounts.table.length / cluster,
    })
    await this.#sink.write(0, Buffer.concat([header, Buffer.alloc(cluster - header.length)]))
    return refcounts.end
  }

  async #pack(guest: number, data: Buffer) {
    const { compression, level } = this.#options
    const raw = data.length === this.#clusterBytes ? data : Buffer.concat([data, Buffer.alloc(this.#clusterBytes - data.length)])
    return { guest, raw, packed: compression === 'none' ? undefined : await deflateCluster(raw, compression, level) }
  }

  async #put(inHand: Promise<{ guest: number; raw: Buffer; packed: Buffer | undefined }>[]): Promise<void> {
    const next = await inHand.shift()
    if (next === undefined) return
    const { guest, raw, packed } = next
    if (packed === undefined) {
      this.#align()
      this.#setEntry(guest, BigInt(this.#end) | COPIED)
      await this.#append(raw)
      return
    }
    // "Compressed Clusters Descriptor": the offset, and how many sectors beyond the first it reaches into.
    const at = this.#end
    const sectors = Math.floor((at + packed.length - 1) / SECTOR) - Math.floor(at / SECTOR)
    const offsetBits = BigInt(62 - (this.#options.clusterBits - 8))
    this.#setEntry(guest, COMPRESSED | (BigInt(sectors) << offsetBits) | BigInt(at))
    await this.#append(packed)
  }

  /** Writes at the end, and counts a reference to each cluster that it touches. */
  async #append(bytes: Buffer): Promise<void> {
    const at = this.#end
    this.#end += bytes.length
    this.#refcounts.add(at, bytes.length)
    await this.#sink.write(at, bytes)
  }

  #align(): void {
    this.#end = Math.ceil(this.#end / this.#clusterBytes) * this.#clusterBytes
  }

  #check(guest: number): void {
    if (Number.isSafeInteger(guest) && guest >= 0 && guest < this.#options.virtualSizeBytes && guest % this.#clusterBytes === 0) return
    throw new TypeError(`guest offset ${guest} is no cluster of the image`)
  }

  #setEntry(guest: number, entry: bigint): void {
    const index = guest / this.#clusterBytes
    const tableIndex = Math.floor(index / this.#perTable)
    const table = this.#tables.get(tableIndex) ?? new BigUint64Array(this.#perTable)
    this.#tables.set(tableIndex, table)
    table[index % this.#perTable] = entry
  }
}
