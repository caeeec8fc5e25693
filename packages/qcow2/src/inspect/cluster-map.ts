/** What a cluster of the file is used for. Two bits: nothing is 0. */
export const USE = { metadata: 1, data: 2, compressed: 3 } as const
export type Use = (typeof USE)[keyof typeof USE]

/** What each cluster of a file is used for: two bits each, so that memory is bounded by the file's own size. */
export class ClusterMap {
  readonly #clusterBytes: number
  readonly #clusters: number
  readonly #uses: Uint8Array

  constructor(sizeBytes: number, clusterBytes: number) {
    this.#clusterBytes = clusterBytes
    this.#clusters = Math.ceil(sizeBytes / clusterBytes)
    this.#uses = new Uint8Array(Math.ceil(this.#clusters / 4))
  }

  /**
   * Takes the clusters of a range within the file, and gives the first use that stands against it: a cluster is free, or shared by
   * compressed data alone. What is beyond the file's end is nobody's.
   */
  claim(offset: number, lengthBytes: number, use: Use): Use | undefined {
    let before: Use | undefined
    const end = Math.min(this.#clusters, Math.ceil((offset + lengthBytes) / this.#clusterBytes))
    for (let cluster = Math.floor(offset / this.#clusterBytes); cluster < end; cluster += 1) {
      const shift = (cluster % 4) * 2
      const index = Math.floor(cluster / 4)
      const uses = this.#uses[index] ?? 0
      const known = (uses >> shift) & 3
      if (known === 0) this.#uses[index] = uses | (use << shift)
      else if (known !== USE.compressed || use !== USE.compressed) before ??= known as Use
    }
    return before
  }
}
