import type { ArrivalReason, Arrivals, Inventory, LayerArrivals, Node, ReasonSum } from '@shoal/api'

/** So many pieces are remembered as examples, the last that nodes told of. */
const KEPT_SAMPLES = 400

/** Why blocks came from where they came from: sums of what nodes hold, and examples as they tell of them. */
export class ArrivalLog {
  readonly #registry: { list(): Node[] }
  #samples: Arrivals['samples'] = []

  constructor({ registry }: { readonly registry: { list(): Node[] } }) {
    this.#registry = registry
  }

  /** Takes a node's report in. */
  note(node: string, { samples }: Pick<Inventory, 'samples'>): void {
    if (samples === undefined || samples.length === 0) return
    this.#samples.push(...samples.map((sample) => ({ node, ...sample })))
    if (this.#samples.length > KEPT_SAMPLES * 2) this.#samples = this.#samples.slice(-KEPT_SAMPLES)
  }

  /** Those of one node, or of one layer, or all. */
  show({ node, layer }: { node?: string | undefined; layer?: string | undefined }): Arrivals {
    const sums = new ReasonSums()
    for (const { id, inventory } of this.#registry.list()) {
      if (node !== undefined && id !== node) continue
      for (const held of inventory?.layers ?? []) {
        if (layer === undefined || held.digest === layer) sums.add(held.arrivals)
      }
    }
    const samples = this.#samples.slice(-KEPT_SAMPLES).filter((sample) => {
      return (node === undefined || sample.node === node) && (layer === undefined || sample.layer === layer)
    })
    return { reasons: sums.list(), samples: samples.sort((a, b) => (a.at < b.at ? 1 : -1)) }
  }
}

/** Adds up why pieces came. */
export class ReasonSums {
  readonly #sums = new Map<ArrivalReason, { reason: ArrivalReason; pieces: number; bytes: number }>()

  add(arrivals: LayerArrivals | undefined): void {
    for (const { reason, pieces, bytes } of arrivals?.reasons ?? []) {
      const sum = this.#sums.get(reason) ?? { reason, pieces: 0, bytes: 0 }
      this.#sums.set(reason, sum)
      sum.pieces += pieces
      sum.bytes += bytes
    }
  }

  /** The most bytes first. */
  list(): ReasonSum[] {
    return [...this.#sums.values()].sort((a, b) => b.bytes - a.bytes)
  }
}
