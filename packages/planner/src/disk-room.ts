import type { FleetTable } from './fleet-table.ts'
import type { Eviction } from './plan.ts'

/**
 * What fits into each node's cache: what is free, and what may be evicted because nothing pins it and no demand keeps
 * it.
 */
export class DiskRoom {
  readonly #table: FleetTable
  readonly #free: Float64Array
  readonly #evictable: Float64Array
  readonly #planned: Float64Array
  /** By layer, then by node: 1 when it is planned there already. */
  readonly #reserved: readonly Uint8Array[]
  /** By node: bytes of wanted layers that it has, where they may be evicted. */
  readonly #unpinned: readonly ReadonlyMap<number, number>[]

  constructor(table: FleetTable) {
    this.#table = table
    this.#free = Float64Array.from(table.nodes, ({ freeCacheBytes }) => Math.max(0, freeCacheBytes))
    this.#planned = new Float64Array(table.nodes.length)
    this.#evictable = Float64Array.from(table.nodes, ({ holds }) =>
      holds.reduce((sum, { heldBytes, isPinned }) => (isPinned ? sum : sum + heldBytes), 0),
    )
    this.#reserved = table.layers.map(() => new Uint8Array(table.nodes.length))
    this.#unpinned = table.nodes.map(({ holds }) => {
      const unpinned = holds.filter(({ isPinned }) => !isPinned)
      return new Map(unpinned.map(({ layer, heldBytes }) => [table.layer(layer) ?? -1, heldBytes]))
    })
  }

  /** What a node would have to take, and what it can. Layers that are planned there already cost nothing. */
  measure(node: number, chain: readonly number[]): { neededBytes: number; availableBytes: number } {
    let neededBytes = 0
    let availableBytes = (this.#free[node] ?? 0) + (this.#evictable[node] ?? 0) - (this.#planned[node] ?? 0)
    for (const layer of chain) {
      if (this.#reserved[layer]?.[node] === 1) continue
      neededBytes += this.#table.lackingBytes(layer, node)
      availableBytes -= this.#unpinned[node]?.get(layer) ?? 0
    }
    return { neededBytes, availableBytes }
  }

  fits(node: number, chain: readonly number[]): boolean {
    const { neededBytes, availableBytes } = this.measure(node, chain)
    return neededBytes <= availableBytes
  }

  /** Whether the whole chain fits; if it does, it is reserved. */
  tryReserve(node: number, chain: readonly number[]): boolean {
    if (!this.fits(node, chain)) return false
    for (const layer of chain) {
      const reserved = this.#reserved[layer]
      if (reserved === undefined || reserved[node] === 1) continue
      reserved[node] = 1
      this.#planned[node] = (this.#planned[node] ?? 0) + this.#table.lackingBytes(layer, node)
      this.#evictable[node] = (this.#evictable[node] ?? 0) - (this.#unpinned[node]?.get(layer) ?? 0)
    }
    return true
  }

  /** What nodes have to evict before all that is reserved fits. */
  evictions(): Eviction[] {
    return this.#table.nodes.flatMap(({ node }, index) => {
      const bytes = (this.#planned[index] ?? 0) - (this.#free[index] ?? 0)
      return bytes > 0 ? [{ node, bytes }] : []
    })
  }
}
