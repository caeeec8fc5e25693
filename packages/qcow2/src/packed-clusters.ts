import { errorMessage } from '@shoal/core'
import { ClusterInflater } from './cluster-inflater.ts'
import type { ExtentRead } from './disk-image.ts'
import { qcow2Error } from './errors.ts'
import type { Qcow2Header } from './header.ts'
import type { RandomAccess } from './random-access.ts'
import { ReadCache } from './read-cache.ts'

/** Memory for clusters that were decompressed: a guest reads a cluster bit by bit. */
const CACHE_BYTES = 4 * 1024 * 1024
/** A compressed cluster is never longer than its data and a sector at each end, in honest images. */
const SLACK_BYTES = 1024
/** Clusters that a writer put one after the other are read together, so many bytes at a time. */
const MAX_READ_BYTES = 1024 * 1024
const MAX_GAP_BYTES = 4096

type Options = { signal?: AbortSignal | undefined }

interface PackedRead {
  /** Guest offset of the cluster. */
  readonly guest: number
  readonly host: number
  readonly packedBytes: number
  /** Where in the cluster `into` begins. */
  readonly within: number
  readonly into: Buffer
}

/** Reads compressed clusters: neighbours in the file in one read, decompressed side by side. */
export class PackedClusters {
  readonly #source: RandomAccess
  readonly #header: Qcow2Header
  readonly #cache: ReadCache
  readonly #inflater: ClusterInflater

  constructor(source: RandomAccess, header: Qcow2Header) {
    this.#source = source
    this.#header = header
    this.#cache = new ReadCache(CACHE_BYTES / header.clusterBytes)
    this.#inflater = new ClusterInflater(header.compression, header.clusterBytes)
  }

  async read(reads: readonly ExtentRead[], options?: Options): Promise<void> {
    const packed = reads.flatMap((read) => this.#packedRead(read)).sort((one, other) => one.host - other.host)
    await Promise.all(groupNeighbours(packed).map((group) => this.#readGroup(group, options)))
  }

  #packedRead({ extent, into }: ExtentRead): PackedRead[] {
    if (extent.kind !== 'compressed') return []
    const { clusterBytes } = this.#header
    const within = extent.start % clusterBytes
    const packedBytes = Math.min(extent.packedBytes, clusterBytes + SLACK_BYTES)
    return [{ guest: extent.start - within, host: extent.host, packedBytes, within, into }]
  }

  async #readGroup(group: readonly PackedRead[], options?: Options): Promise<void> {
    const start = group[0]?.host ?? 0
    const end = Math.max(...group.map(({ host, packedBytes }) => host + packedBytes))
    // A reader that asks for a part will ask for more of it: those clusters are kept, and read alone if they were.
    const isPart = group.length === 1 && group[0]?.into.length !== this.#header.clusterBytes
    const load = () => this.#source.read(start, end - start, options)
    const data = isPart ? undefined : await load()
    await Promise.all(
      group.map(async ({ guest, host, packedBytes, within, into }) => {
        const inflate = async () => {
          const bytes = data ?? (await load())
          return this.#inflate(guest, bytes.subarray(host - start, host - start + packedBytes))
        }
        const cluster = await (isPart ? this.#cache.get(guest, inflate) : inflate())
        cluster.copy(into, 0, within, within + into.length)
      }),
    )
  }

  async #inflate(guestOffset: number, packed: Buffer): Promise<Buffer> {
    try {
      return await this.#inflater.inflate(packed)
    } catch (error) {
      throw qcow2Error('SHOAL_QCOW2_CLUSTER', { guestOffset, reason: errorMessage(error) }, error)
    }
  }
}

/** Splits what is sorted by host offset where the gap is wide or a read would get long. */
function groupNeighbours(reads: readonly PackedRead[]): PackedRead[][] {
  const groups: PackedRead[][] = []
  let start = 0
  let end = Number.NEGATIVE_INFINITY
  for (const read of reads) {
    const readEnd = read.host + read.packedBytes
    const group = groups.at(-1)
    if (group === undefined || read.host > end + MAX_GAP_BYTES || readEnd - start > MAX_READ_BYTES) {
      groups.push([read])
      start = read.host
      end = readEnd
    } else {
      group.push(read)
      end = Math.max(end, readEnd)
    }
  }
  return groups
}
