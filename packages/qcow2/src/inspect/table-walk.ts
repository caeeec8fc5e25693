import type { ShoalError } from '@shoal/core'
import type { Qcow2Header } from '../header.ts'
import { l1Offset, mappingOf } from '../l2-entry.ts'
import type { RandomAccess } from '../random-access.ts'
import { readExactly } from '../read-exactly.ts'
import { ClusterMap, USE, type Use } from './cluster-map.ts'
import { imageError } from './image-errors.ts'
import type { QCOW2_TABLE_CHECKS } from './verdict.ts'

/** Tables are read in parts of so much, or one by one where one is larger: the only memory beside the map of clusters. */
const PART_BYTES = 1024 * 1024
const SECTOR_BYTES = 512
const GIB = 1024 ** 3
/** No honest image gives a guest more bytes for each of its own, once it is not tiny. */
const MAX_EXPANSION = 1000
/** A compressed cluster never needs more than itself uncompressed, and it may begin and end within a sector. */
const SECTOR_SLACK_BYTES = SECTOR_BYTES - 1
const COPIED_HIGH = 0x8000_0000
const COMPRESSED_HIGH = 0x4000_0000

/** The first fault of each kind. */
export type TableFaults = Partial<Record<Exclude<(typeof QCOW2_TABLE_CHECKS)[number], 'tail-signature'>, ShoalError>>

interface TablePlace {
  readonly offset: number
  /** Which entry of the L1 table names it. */
  readonly l1Index: number
}

/**
 * Follows every table of a qcow2 image once, and gives what is wrong with them. Time is in proportion to the tables that are in the file,
 * memory to its clusters, whatever the image claims. The header must have passed its checks. Rejects with the signal's reason when
 * aborted, and when the file cannot be read.
 */
export class TableWalk {
  readonly #source: RandomAccess
  readonly #header: Qcow2Header
  readonly #options: { signal?: AbortSignal | undefined }
  readonly #map: ClusterMap
  readonly #faults: TableFaults = {}
  /** Guest bytes of clusters that have data. */
  #allocatedBytes = 0
  /** Bytes of the file that compressed clusters need at least. */
  #compressedBytes = 0

  constructor(source: RandomAccess, header: Qcow2Header, options: { signal?: AbortSignal | undefined }) {
    this.#source = source
    this.#header = header
    this.#options = options
    this.#map = new ClusterMap(source.sizeBytes, header.clusterBytes)
  }

  async run(): Promise<TableFaults> {
    const { clusterBytes, l1Offset: l1At, l1Entries, refcountTableOffset, refcountTableBytes } = this.#header
    this.#claim(0, clusterBytes, USE.metadata)
    this.#claim(l1At, l1Entries * 8, USE.metadata)
    this.#claim(refcountTableOffset, refcountTableBytes, USE.metadata)
    await this.#followRefcounts()
    await this.#followL1()
    this.#weigh()
    return this.#faults
  }

  async #followRefcounts(): Promise<void> {
    const { refcountTableOffset, refcountTableBytes } = this.#header
    for await (const { part, first } of this.#parts(refcountTableOffset, refcountTableBytes)) {
      for (let at = 0; at < part.length; at += 8) {
        const block = part.readUInt32BE(at) * 2 ** 32 + part.readUInt32BE(at + 4)
        if (block === 0) continue
        if (this.#isCluster(block)) this.#claim(block, this.#header.clusterBytes, USE.metadata)
        else {
          const reason = `entry ${first + at / 8} is not a cluster of the file`
          this.#faults['refcount-blocks'] ??= imageError('SHOAL_IMAGE_QCOW2_REFCOUNT_TABLE', { reason })
        }
      }
    }
  }

  async #followL1(): Promise<void> {
    const { l1Offset: l1At, l1Entries, clusterBytes } = this.#header
    let places: TablePlace[] = []
    for await (const { part, first } of this.#parts(l1At, l1Entries * 8)) {
      for (let index = 0; index < part.length / 8; index += 1) {
        const offset = l1Offset(part, index)
        if (offset === 0) continue
        const l1Index = first + index
        if (offset === undefined || !this.#isCluster(offset)) {
          const reason = `entry ${l1Index} is not a cluster of the file`
          this.#faults['l1-entries'] ??= imageError('SHOAL_IMAGE_QCOW2_L1_TABLE', { reason })
          // A table that is somewhere else already is not followed: thousands of entries could name the same.
        } else if (this.#claim(offset, clusterBytes, USE.metadata)) places.push({ offset, l1Index })
        if (places.length * clusterBytes < PART_BYTES) continue
        await this.#followL2(places)
        places = []
      }
    }
    await this.#followL2(places)
  }

  /** Tables that lie one after the other are read at once, runs of them side by side: with small clusters there are very many. */
  async #followL2(places: readonly TablePlace[]): Promise<void> {
    this.#options.signal?.throwIfAborted()
    const { clusterBytes } = this.#header
    const runs: TablePlace[][] = []
    for (const place of places) {
      const run = runs.at(-1)
      if (run?.at(-1)?.offset === place.offset - clusterBytes) run.push(place)
      else runs.push([place])
    }
    const tables = await Promise.all(
      runs.map((run) => readExactly(this.#source, run[0]?.offset ?? 0, run.length * clusterBytes, this.#options)),
    )
    for (const [at, bytes] of tables.entries()) {
      runs[at]?.forEach(({ l1Index }, index) => {
        this.#lookAtTable(bytes.subarray(index * clusterBytes, (index + 1) * clusterBytes), l1Index)
      })
    }
  }

  #lookAtTable(table: Buffer, l1Index: number): void {
    const entries = table.length / 8
    for (let index = 0; index < entries; index += 1) {
      const high = table.readUInt32BE(index * 8)
      // Most of most tables is empty.
      if (high === 0 && table.readUInt32BE(index * 8 + 4) === 0) continue
      const reason = this.#lookAtEntry(table, index, high)
      if (reason === undefined || this.#faults['l2-tables'] !== undefined) continue
      const guestOffset = (l1Index * entries + index) * this.#header.clusterBytes
      this.#faults['l2-tables'] = imageError('SHOAL_IMAGE_QCOW2_L2_TABLE', {
        reason: `at guest offset ${guestOffset} ${reason}`,
      })
    }
  }

  /** Why an entry is not valid. */
  #lookAtEntry(table: Buffer, index: number, high: number): string | undefined {
    const { clusterBytes } = this.#header
    const { sizeBytes } = this.#source
    const mapping = mappingOf(table, index, this.#header)
    if (typeof mapping === 'string') return mapping
    if (mapping.host === undefined) return undefined
    if (mapping.kind === 'compressed') {
      const bits = COPIED_HIGH | COMPRESSED_HIGH
      if ((high & bits) === bits) return 'a compressed cluster claims to be referred to only once'
      if (mapping.bytes > clusterBytes + SECTOR_SLACK_BYTES) return `a compressed cluster has ${mapping.bytes} bytes`
      const end = Math.ceil(sizeBytes / SECTOR_BYTES) * SECTOR_BYTES
      if (mapping.host + mapping.bytes > end) return 'a compressed cluster lies outside the file'
      this.#allocatedBytes += clusterBytes
      this.#compressedBytes += Math.max(1, mapping.bytes - SECTOR_SLACK_BYTES)
      this.#claim(mapping.host, mapping.bytes, USE.compressed)
      return undefined
    }
    // QEMU lets the last cluster of a file be shorter.
    if (mapping.host >= sizeBytes) return 'a cluster lies outside the file'
    if (mapping.kind === 'data') this.#allocatedBytes += clusterBytes
    this.#claim(mapping.host, clusterBytes, USE.data)
    return undefined
  }

  #weigh(): void {
    const { sizeBytes } = this.#source
    if (this.#compressedBytes > sizeBytes) {
      const reason = 'compressed clusters claim more bytes than the file has'
      this.#faults['cluster-overlap'] ??= imageError('SHOAL_IMAGE_QCOW2_OVERLAP', { reason })
    }
    const allocatedBytes = this.#allocatedBytes
    const limitBytes = Math.max(GIB, MAX_EXPANSION * sizeBytes)
    if (allocatedBytes <= limitBytes) return
    this.#faults.expansion = imageError('SHOAL_IMAGE_EXPANSION', { sizeBytes, allocatedBytes, limitBytes })
  }

  /** Takes a range for a use; `false` when something else has it. */
  #claim(offset: number, lengthBytes: number, use: Use): boolean {
    const before = this.#map.claim(offset, lengthBytes, use)
    if (before === undefined) return true
    this.#faults['cluster-overlap'] ??= imageError('SHOAL_IMAGE_QCOW2_OVERLAP', {
      reason: `what is at byte ${offset} belongs to ${nameOf(use)} and to ${nameOf(before)}`,
    })
    return false
  }

  #isCluster(offset: number): boolean {
    const { clusterBytes } = this.#header
    return offset % clusterBytes === 0 && offset + clusterBytes <= this.#source.sizeBytes
  }

  /** The entries of a table, part by part; `first` is the number of a part's first. */
  async *#parts(offset: number, lengthBytes: number): AsyncGenerator<{ part: Buffer; first: number }> {
    for (let done = 0; done < lengthBytes; done += PART_BYTES) {
      this.#options.signal?.throwIfAborted()
      const length = Math.min(PART_BYTES, lengthBytes - done)
      yield { part: await readExactly(this.#source, offset + done, length, this.#options), first: done / 8 }
    }
  }
}

function nameOf(use: Use): string {
  if (use === USE.metadata) return 'the tables'
  return use === USE.data ? 'a cluster of the guest' : 'compressed clusters'
}
