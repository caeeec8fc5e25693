const REFCOUNT_BYTES = 2
const GROWTH = 2

export interface RefcountLayout {
  /** One after the other, each a cluster. */
  readonly blocks: readonly Buffer[]
  /** Behind the blocks; whole clusters. */
  readonly table: Buffer
  readonly tableOffset: number
}

/** Counts references to host clusters, and lays the refcount blocks and table out: they count themselves, too. */
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

  /** `end`: where the file ends before, at a cluster. */
  layOut(end: number): RefcountLayout {
    const cluster = this.#clusterBytes
    const perBlock = cluster / REFCOUNT_BYTES
    // Blocks and table are counted by blocks: more of them may need another.
    let blockCount = 0
    let tableClusters = 0
    for (;;) {
      const clusters = end / cluster + blockCount + tableClusters
      const blocksNeeded = Math.ceil(clusters / perBlock)
      const tableNeeded = Math.ceil((blocksNeeded * 8) / cluster)
      if (blocksNeeded === blockCount && tableNeeded === tableClusters) break
      blockCount = blocksNeeded
      tableClusters = tableNeeded
    }
    this.add(end, (blockCount + tableClusters) * cluster)
    const tableOffset = end + blockCount * cluster
    const table = Buffer.alloc(tableClusters * cluster)
    const blocks = Array.from({ length: blockCount }, (_, index) => {
      table.writeBigUInt64BE(BigInt(end + index * cluster), index * 8)
      const bytes = Buffer.alloc(cluster)
      const counts = this.#counts.subarray(index * perBlock, (index + 1) * perBlock)
      counts.forEach((count, at) => void bytes.writeUInt16BE(count, at * REFCOUNT_BYTES))
      return bytes
    })
    return { blocks, tableOffset, table }
  }
}
