const REFCOUNT_BYTES = 2
const GROWTH = 2

export interface RefcountLayout {
  /** One after the other, each a cluster. */
  readonly blocks: readonly Buffer[]
  readonly table: Buffer
}

/** Clusters of a refcount table that is large enough for a file of so many clusters besides its refcounts. */
export function refcountTableClusters(clusters: number, clusterBytes: number): number {
  // Blocks and table are counted by blocks: more of them may need another.
  let tableClusters = 0
  for (;;) {
    const blocks = blocksFor(clusters + tableClusters, clusterBytes)
    const needed = Math.ceil((blocks * 8) / clusterBytes)
    if (needed === tableClusters) return tableClusters
    tableClusters = needed
  }
}

/** Counts references to host clusters, and makes the refcount blocks, which count themselves, and the table of them. */
export class RefcountCounter {
  readonly #clusterBytes: number
  #counts = new Uint16Array(1024)

  constructor(clusterBytes: number) {
    this.#clusterBytes = clusterBytes
  }

  /** One more reference to each cluster that these bytes of the file touch. */
  add(offset: number, length: number): void {
    if (length === 0) return
    const last = Math.floor((offset + length - 1) / this.#clusterBytes)
    if (last >= this.#counts.length) {
      const grown = new Uint16Array(Math.max(last + 1, this.#counts.length * GROWTH))
      grown.set(this.#counts)
      this.#counts = grown
    }
    for (let cluster = Math.floor(offset / this.#clusterBytes); cluster <= last; cluster += 1) {
      this.#counts[cluster] = (this.#counts[cluster] ?? 0) + 1
    }
  }

  /** `end`: where the blocks go, at a cluster; `tableBytes`: of the table, which is counted already. */
  layOut(end: number, tableBytes: number): RefcountLayout {
    const cluster = this.#clusterBytes
    const perBlock = cluster / REFCOUNT_BYTES
    const blockCount = blocksFor(end / cluster, cluster)
    this.add(end, blockCount * cluster)
    const table = Buffer.alloc(tableBytes)
    const blocks = Array.from({ length: blockCount }, (_, index) => {
      table.writeBigUInt64BE(BigInt(end + index * cluster), index * 8)
      const bytes = Buffer.alloc(cluster)
      const counts = this.#counts.subarray(index * perBlock, (index + 1) * perBlock)
      counts.forEach((count, at) => void bytes.writeUInt16BE(count, at * REFCOUNT_BYTES))
      return bytes
    })
    return { blocks, table }
  }
}

/** Refcount blocks that count so many clusters, and themselves. */
function blocksFor(clusters: number, clusterBytes: number): number {
  const perBlock = clusterBytes / REFCOUNT_BYTES
  let blocks = 0
  for (;;) {
    const needed = Math.ceil((clusters + blocks) / perBlock)
    if (needed === blocks) return blocks
    blocks = needed
  }
}
