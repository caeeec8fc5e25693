/** "Standard Cluster Descriptor": bit 63 says that the refcount is one, bit 0 that the cluster reads as zeros. */
const COPIED = 1n << 63n
const COMPRESSED = 1n << 62n
const ZERO = 1n
const SECTOR_BYTES = 512

/** The L2 tables of an image that is written, those that are needed; entries by QEMU docs/interop/qcow2.txt. */
export class L2Builder {
  readonly #clusterBits: number
  readonly #entriesPerTable: number
  readonly #tables = new Map<number, BigUint64Array>()

  constructor(clusterBits: number) {
    this.#clusterBits = clusterBits
    this.#entriesPerTable = 2 ** clusterBits / 8
  }

  setZero(cluster: number): void {
    this.#set(cluster, ZERO)
  }

  setData(cluster: number, host: number): void {
    this.#set(cluster, COPIED | BigInt(host))
  }

  /** "Compressed Clusters Descriptor": the offset, and how many sectors beyond the first the data reaches into. */
  setCompressed(cluster: number, host: number, bytes: number): void {
    const sectors = Math.floor((host + bytes - 1) / SECTOR_BYTES) - Math.floor(host / SECTOR_BYTES)
    const offsetBits = BigInt(62 - (this.#clusterBits - 8))
    this.#set(cluster, COMPRESSED | (BigInt(sectors) << offsetBits) | BigInt(host))
  }

  /** Whether the cluster was given an entry. */
  has(cluster: number): boolean {
    return (this.#tables.get(this.#tableOf(cluster))?.[cluster % this.#entriesPerTable] ?? 0n) !== 0n
  }

  /** The tables by the index of their L1 entry, in that order. */
  *tables(): Generator<{ index: number; bytes: Buffer }> {
    for (const [index, table] of [...this.#tables].sort(([one], [other]) => one - other)) {
      const bytes = Buffer.alloc(table.length * 8)
      table.forEach((entry, at) => void bytes.writeBigUInt64BE(entry, at * 8))
      yield { index, bytes }
    }
  }

  #tableOf(cluster: number): number {
    return Math.floor(cluster / this.#entriesPerTable)
  }

  #set(cluster: number, entry: bigint): void {
    const index = this.#tableOf(cluster)
    const table = this.#tables.get(index) ?? new BigUint64Array(this.#entriesPerTable)
    this.#tables.set(index, table)
    table[cluster % this.#entriesPerTable] = entry
  }
}
