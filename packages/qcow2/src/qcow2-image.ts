import type { DiskImage, ExtentRead, ImageExtent } from './disk-image.ts'
import { qcow2Error } from './errors.ts'
import { HEADER_START_BYTES, hasFeature, headerReach, INCOMPATIBLE, type Qcow2Header, readHeader } from './header.ts'
import { l1Offset, type Mapping, mappingOf, SUBCLUSTERS, subclusterMapping } from './l2-entry.ts'
import { PackedClusters } from './packed-clusters.ts'
import { putInto } from './put-into.ts'
import type { RandomAccess } from './random-access.ts'
import { ReadCache } from './read-cache.ts'
import { readExactly } from './read-exactly.ts'

/** What a reader does not have to know of; any other incompatible feature it must. */
const READABLE = [INCOMPATIBLE.dirty, INCOMPATIBLE.compressionType, INCOMPATIBLE.extendedL2]
/** Memory for L2 tables: 8 MiB map 64 GiB of guest bytes at 64 KiB a cluster. */
const L2_CACHE_BYTES = 8 * 1024 * 1024

type Options = { signal?: AbortSignal | undefined }

/** A qcow2 image that is read (QEMU docs/interop/qcow2.txt). Its backing file is somebody else's business. */
export class Qcow2Image implements DiskImage {
  readonly header: Qcow2Header
  readonly #source: RandomAccess
  readonly #l1: Buffer
  readonly #l2: ReadCache
  readonly #packed: PackedClusters
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
    this.#l2 = new ReadCache(L2_CACHE_BYTES / clusterBytes)
    this.#packed = new PackedClusters(source, header)
  }

  /** Reads the header and the L1 table (32 MiB at most). Throws `SHOAL_QCOW2_*`. */
  static async open(source: RandomAccess, options?: Options): Promise<Qcow2Image> {
    // No more of it than is needed: what lies behind may have to be fetched.
    const start = await source.read(0, Math.min(HEADER_START_BYTES, source.sizeBytes), options)
    const head = await source.read(0, Math.min(headerReach(start), source.sizeBytes), options)
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
      const table = await this.#table(tableIndex, options)
      if (table === undefined) {
        yield { start: at, length: tableEnd - at, kind: 'below', host: undefined }
        at = tableEnd
        continue
      }
      // One generator step for each run: a step for each cluster would cost more than all the rest.
      while (at < tableEnd) {
        const run = this.#run(table, at, tableEnd)
        yield run
        at = run.start + run.length
      }
    }
  }

  async read(reads: readonly ExtentRead[], options?: Options): Promise<void> {
    const copies = reads.map(async ({ extent, into }) => {
      if (extent.kind !== 'data') return
      const data = await this.#source.read(extent.host, into.length, { ...options, into })
      putInto(data, into)
      // QEMU lets the last cluster of a file be shorter: what is not there reads as zeros.
      into.fill(0, data.length)
    })
    await Promise.all([...copies, this.#packed.read(reads, options)])
  }

  /** The L2 table for the guest bytes of an L1 entry; `undefined` when there is none. */
  async #table(index: number, options?: Options): Promise<Buffer | undefined> {
    const invalid = (reason: string) => qcow2Error('SHOAL_QCOW2_TABLE', { table: 'L1', reason })
    const offset = l1Offset(this.#l1, index)
    if (offset === undefined) throw invalid(`entry ${index} has reserved bits`)
    if (offset === 0) return undefined
    const { clusterBytes } = this.header
    if (offset % clusterBytes !== 0) throw invalid(`entry ${index} is not at a cluster`)
    return this.#l2.get(offset, () => readExactly(this.#source, offset, clusterBytes, options))
  }

  /** From `guest` on, as far as what follows is stored alike and one after the other. */
  #run(table: Buffer, guest: number, end: number): ImageExtent {
    let run = this.#unit(table, guest, end)
    if (run.kind === 'compressed') return run
    for (let next = run.start + run.length; next < end; next = run.start + run.length) {
      const more = this.#unit(table, next, end)
      const isNext = run.host === undefined ? more.host === undefined : more.host === run.host + run.length
      if (more.kind !== run.kind || !isNext) break
      run = { ...run, length: run.length + more.length }
    }
    return run
  }

  /** The extent from `guest` to the end of its cluster or subcluster. */
  #unit(table: Buffer, guest: number, end: number): ImageExtent {
    const mapping = this.#mapping(table, guest)
    const { clusterBytes } = this.header
    // A compressed cluster has no subclusters of its own: all of them are in it.
    const unitBytes = mapping.kind === 'compressed' ? clusterBytes : this.#unitBytes
    const within = guest % unitBytes
    const run = { start: guest, length: Math.min(unitBytes - within, end - guest) }
    if (mapping.kind === 'compressed')
      return { ...run, kind: 'compressed', host: mapping.host, packedBytes: mapping.bytes }
    if (mapping.kind === 'data') return { ...run, kind: 'data', host: mapping.host + within }
    if (mapping.kind === 'unallocated') return { ...run, kind: 'below', host: undefined }
    return { ...run, kind: 'zero', host: mapping.host === undefined ? undefined : mapping.host + within }
  }

  #mapping(table: Buffer, guest: number): Mapping {
    const { header } = this
    const index = Math.floor(guest / header.clusterBytes) % this.#entriesPerTable
    const mapping = header.hasExtendedL2
      ? subclusterMapping(table, index, Math.floor((guest % header.clusterBytes) / this.#unitBytes), header)
      : mappingOf(table, index, header)
    if (typeof mapping === 'string') throw qcow2Error('SHOAL_QCOW2_CLUSTER', { guestOffset: guest, reason: mapping })
    return mapping
  }
}
