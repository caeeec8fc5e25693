import { errorMessage } from '@shoal/core'
import type { DiskImage, ImageExtent } from './disk-image.ts'
import { qcow2Error } from './errors.ts'
import { hasFeature, INCOMPATIBLE, MAX_HEADER_BYTES, type Qcow2Header, readHeader } from './header.ts'
import { inflateCluster } from './inflate-cluster.ts'
import { l1Offset, type Mapping, mappingOf, SUBCLUSTERS, subclusterMapping } from './l2-entry.ts'
import type { RandomAccess } from './random-access.ts'
import { TableCache } from './table-cache.ts'

/** What a reader does not have to know of; any other incompatible feature it must. */
const READABLE = [INCOMPATIBLE.dirty, INCOMPATIBLE.compressionType, INCOMPATIBLE.extendedL2]
/** Memory for L2 tables: 8 MiB map 64 GiB of guest bytes at 64 KiB a cluster. */
const L2_CACHE_BYTES = 8 * 1024 * 1024
/** Memory for clusters that were decompressed: a guest reads a cluster bit by bit. */
const INFLATED_CACHE_BYTES = 4 * 1024 * 1024
/** A compressed cluster is never longer than its data and a sector at each end, in honest images. */
const COMPRESSED_SLACK_BYTES = 1024

type Options = { signal?: AbortSignal | undefined }

/** A qcow2 image that is read (QEMU docs/interop/qcow2.txt). Its backing file is somebody else's business. */
export class Qcow2Image implements DiskImage {
  readonly header: Qcow2Header
  readonly #source: RandomAccess
  readonly #l1: Buffer
  readonly #l2: TableCache
  readonly #inflated: TableCache
  /** Guest bytes of one L2 entry's unit: a cluster, or a subcluster. */
  readonly #unitBytes: number
  readonly #entriesPerTable: number

  private constructor(source: RandomAccess, header: Qcow2Header, l1: Buffer) {
    this.#source = source
    this.header = header
    this.#l1 = l1
    const { clusterBytes, hasExtendedL2 } = header
    this.#unitBytes = hasExtendedL2 ? clusterBytes / SUBCLUSTERS : clusterBytes
    this.#entriesPerTable = clusterBytes / (hasExtendedL2 ? 16 : 8)
    this.#l2 = new TableCache(L2_CACHE_BYTES / clusterBytes, (offset) => this.#readAll(offset, clusterBytes))
    this.#inflated = new TableCache(INFLATED_CACHE_BYTES / clusterBytes, (guest) => this.#inflate(guest))
  }

  /** Reads the header and the L1 table (32 MiB at most). Throws `SHOAL_QCOW2_*`. */
  static async open(source: RandomAccess, options?: Options): Promise<Qcow2Image> {
    const head = await source.read(0, Math.min(MAX_HEADER_BYTES, source.sizeBytes), options)
    const header = readHeader(head)
    const { incompatible, cryptMethod } = header
    for (let bit = 0; bit < 64; bit += 1) {
      if (!hasFeature(incompatible, bit) || READABLE.some((known) => known === bit)) continue
      const [name = `incompatible feature bit ${bit}`] =
        Object.entries(INCOMPATIBLE).find(([, known]) => known === bit) ?? []
      throw qcow2Error('SHOAL_QCOW2_FEATURE', { feature: name })
    }
    if (cryptMethod !== 0) throw qcow2Error('SHOAL_QCOW2_FEATURE', { feature: `encryption method ${cryptMethod}` })
    const l1 = await readExactly(source, header.l1Offset, header.l1Entries * 8, options)
    return new Qcow2Image(source, header, l1)
  }

  get virtualSizeBytes(): number {
    return this.header.virtualSizeBytes
  }

  async *extents(start: number, length: number, options?: Options): AsyncGenerator<ImageExtent> {
    const tableSpan = this.#entriesPerTable * this.header.clusterBytes
    const end = start + length
    for (let at = start; at < end; ) {
      options?.signal?.throwIfAborted()
      const tableIndex = Math.floor(at / tableSpan)
      const tableEnd = Math.min(end, (tableIndex + 1) * tableSpan)
      const table = await this.#table(tableIndex)
      if (table === undefined) {
        yield { start: at, length: tableEnd - at, kind: 'below', host: undefined }
        at = tableEnd
        continue
      }
      // One generator step for each run: a step for each cluster would cost more than all the rest.
      while (at < tableEnd) {
        const first = this.#unit(table, at, tableEnd)
        let run = first
        let next = first.start + first.length
        while (next < tableEnd) {
          const more = this.#unit(table, next, tableEnd)
          if (more.kind !== run.kind || run.kind === 'compressed' || !isNext(run, more)) break
          run = { ...run, length: run.length + more.length }
          next += more.length
        }
        yield run
        at = next
      }
    }

    function isNext(run: ImageExtent, more: ImageExtent): boolean {
      if (run.host === undefined || more.host === undefined) return run.host === more.host
      return run.host + run.length === more.host
    }
  }

  async readExtent({ start, kind, host }: ImageExtent, into: Buffer, options?: Options): Promise<void> {
    if (kind === 'data' && host !== undefined) {
      const data = await this.#source.read(host, into.length, options)
      // QEMU lets the last cluster of a file be shorter: what is not there reads as zeros.
      data.copy(into)
      into.fill(0, data.length)
      return
    }
    const { clusterBytes } = this.header
    for (let done = 0; done < into.length; ) {
      const guest = start + done
      const within = guest % clusterBytes
      const cluster = await this.#inflated.get(guest - within)
      done += cluster.copy(into, done, within, within + into.length - done)
    }
  }

  /** The L2 table for the guest bytes of an L1 entry; `undefined` when there is none. */
  async #table(index: number): Promise<Buffer | undefined> {
    const invalid = (reason: string) => qcow2Error('SHOAL_QCOW2_TABLE', { table: 'L1', reason })
    const offset = l1Offset(this.#l1, index)
    if (offset === undefined) throw invalid(`entry ${index} has reserved bits`)
    if (offset === 0) return undefined
    if (offset % this.header.clusterBytes !== 0) throw invalid(`entry ${index} is not at a cluster`)
    return this.#l2.get(offset)
  }

  /** The extent from `guest` to the end of its cluster or subcluster. */
  #unit(table: Buffer, guest: number, end: number): ImageExtent {
    const within = guest % this.#unitBytes
    const length = Math.min(this.#unitBytes - within, end - guest)
    const mapping = this.#mapping(table, guest)
    if (mapping.kind === 'compressed') {
      // A compressed cluster has no subclusters of its own: all of them are in it.
      return { start: guest, length, kind: 'compressed', host: undefined }
    }
    const host = mapping.host === undefined ? undefined : mapping.host + within
    return { start: guest, length, kind: mapping.kind === 'unallocated' ? 'below' : mapping.kind, host }
  }

  #mapping(table: Buffer, guest: number): Mapping {
    const { header } = this
    const index = Math.floor(guest / header.clusterBytes) % this.#entriesPerTable
    const mapping = header.hasExtendedL2
      ? subclusterMapping(table, index, Math.floor((guest % header.clusterBytes) / this.#unitBytes), header)
      : mappingOf(table, index, header)
    if (typeof mapping === 'string') {
      throw qcow2Error('SHOAL_QCOW2_CLUSTER', { guestOffset: guest, reason: mapping })
    }
    return mapping
  }

  async #inflate(guest: number): Promise<Buffer> {
    const { clusterBytes, compression } = this.header
    const table = await this.#table(Math.floor(guest / (this.#entriesPerTable * clusterBytes)))
    const mapping = table === undefined ? undefined : this.#mapping(table, guest)
    if (mapping?.kind !== 'compressed') throw new TypeError(`guest offset ${guest} is not compressed`)
    const data = await this.#source.read(mapping.host, Math.min(mapping.bytes, clusterBytes + COMPRESSED_SLACK_BYTES))
    try {
      return await inflateCluster(data, compression, clusterBytes)
    } catch (error) {
      throw qcow2Error('SHOAL_QCOW2_CLUSTER', { guestOffset: guest, reason: errorMessage(error) }, { cause: error })
    }
  }

  #readAll(offset: number, length: number): Promise<Buffer> {
    return readExactly(this.#source, offset, length)
  }
}

async function readExactly(source: RandomAccess, offset: number, length: number, options?: Options): Promise<Buffer> {
  const bytes = await source.read(offset, length, options)
  if (bytes.length === length) return bytes
  throw qcow2Error('SHOAL_QCOW2_TRUNCATED', { sizeBytes: source.sizeBytes, neededBytes: offset + length })
}
