import type { FleetTable } from './fleet-table.ts'
import { type Terms, TermsTable } from './terms.ts'

/** Which layers are wanted on which nodes, on terms that satisfy every demand for them. */
export class Wants {
  readonly #terms = new TermsTable()
  /** Numbers of terms by layer, then by node. */
  readonly #byLayer: readonly Int32Array[]

  constructor(table: FleetTable) {
    this.#byLayer = table.layers.map(() => new Int32Array(table.nodes.length))
  }

  add(nodes: readonly number[], chain: readonly number[], terms: Terms): void {
    const number = this.#terms.numberOf(terms)
    for (const layer of chain) {
      const wanted = this.#byLayer[layer]
      if (wanted === undefined) continue
      for (const node of nodes) wanted[node] = this.#terms.merge(wanted[node] ?? 0, number)
    }
  }

  /** Nodes that want a layer on equal terms. */
  *ofLayer(layer: number): Generator<{ readonly terms: Terms; readonly nodes: readonly number[] }> {
    const groups = new Map<number, number[]>()
    for (const [node, number] of this.#byLayer[layer]?.entries() ?? []) {
      if (number === 0) continue
      const group = groups.get(number)
      if (group === undefined) groups.set(number, [node])
      else group.push(node)
    }
    for (const [number, nodes] of groups) yield { terms: this.#terms.get(number), nodes }
  }
}
