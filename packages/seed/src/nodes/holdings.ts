import type { LayerInventory } from '@shoal/api'

type Holding = 'complete' | 'partial'

/**
 * Which nodes hold some of which layer, kept up to date by their inventories: a question about one layer must not cost
 * a look at everything that thousands of nodes hold.
 */
export class Holdings {
  readonly #byLayer = new Map<string, Map<string, Holding>>()
  readonly #byNode = new Map<string, string[]>()

  /** Replaces what is known of a node. */
  put(node: string, layers: readonly LayerInventory[]): void {
    const held = new Map<string, Holding>()
    for (const { digest, state, presentBytes } of layers) {
      if (state === 'complete') held.set(digest, 'complete')
      else if (presentBytes > 0) held.set(digest, 'partial')
    }
    for (const digest of this.#byNode.get(node) ?? []) if (!held.has(digest)) this.#drop(node, digest)
    for (const [digest, holding] of held) {
      const nodes = this.#byLayer.get(digest) ?? new Map<string, Holding>()
      this.#byLayer.set(digest, nodes.set(node, holding))
    }
    this.#byNode.set(node, [...held.keys()])
  }

  remove(node: string): void {
    this.put(node, [])
    this.#byNode.delete(node)
  }

  /** The nodes that hold some of a layer. */
  of(layer: string): Iterable<string> {
    return this.#byLayer.get(layer)?.keys() ?? []
  }

  /** How many nodes hold all, and how many hold a part, of a layer. */
  count(layer: string): { complete: number; partial: number } {
    const counts = { complete: 0, partial: 0 }
    for (const holding of this.#byLayer.get(layer)?.values() ?? []) counts[holding] += 1
    return counts
  }

  #drop(node: string, digest: string): void {
    const nodes = this.#byLayer.get(digest)
    nodes?.delete(node)
    if (nodes?.size === 0) this.#byLayer.delete(digest)
  }
}
