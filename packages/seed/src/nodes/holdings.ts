import type { LayerInventory, Replicas } from '@shoal/api'
import { type Place, ReplicaCounts } from './replica-counts.ts'

/** What a node has of a layer: COMPLETE, or the bytes of one that is still to come, of which there may be none yet. */
type Holding = number
const COMPLETE = Number.POSITIVE_INFINITY
const NO_NODES: ReadonlyMap<string, Holding> = new Map()

/**
 * Which nodes hold some of which layer, or are about to, kept up to date by their inventories: a question about one
 * layer must not cost a look at everything that thousands of nodes hold.
 */
export class Holdings {
  readonly #byLayer = new Map<string, Map<string, Holding>>()
  readonly #byNode = new Map<string, Set<string>>()
  /** Where nodes are whose complete layers count as replicas. */
  readonly #places = new Map<string, Place>()
  readonly #replicas = new ReplicaCounts()
  /** Nodes whose word does not count. */
  readonly #distrusted = new Set<string>()
  readonly #onHolders: (layer: string) => void

  /** `onHolders`: a node has become, or is no more, one of those that {@link of} tells of a layer. */
  constructor({ onHolders = () => {} }: { onHolders?: (layer: string) => void } = {}) {
    this.#onHolders = onHolders
  }

  /** Replaces what is known of a node. */
  put(node: string, layers: readonly LayerInventory[]): void {
    const told = new Set(layers.map(({ digest }) => digest))
    const gone = [...(this.#byNode.get(node) ?? [])].filter((digest) => !told.has(digest))
    this.change(node, layers, gone)
  }

  /**
   * Takes in what is other than before. What a node has evicted it holds no more, though the part for a boot may be
   * there.
   */
  change(node: string, layers: readonly LayerInventory[], gone: readonly string[]): void {
    const held = this.#byNode.get(node) ?? new Set<string>()
    const forget = (digest: string) => {
      if (held.delete(digest)) this.#set(node, digest, undefined)
    }
    for (const digest of gone) forget(digest)
    for (const layer of layers) {
      const holding = holdingOf(layer)
      if (holding === undefined) forget(layer.digest)
      else {
        held.add(layer.digest)
        this.#set(node, layer.digest, holding)
      }
    }
    this.#byNode.set(node, held)
  }

  /** Says where a node is; one that is nowhere, since it is lost, does not count as a replica. */
  locate(node: string, place: Place | undefined): void {
    const before = this.#places.get(node)
    if (before?.zone === place?.zone && before?.rack === place?.rack) return
    for (const digest of this.#byNode.get(node) ?? []) {
      if (this.#byLayer.get(digest)?.get(node) !== COMPLETE) continue
      if (before !== undefined) this.#replicas.remove(digest, before)
      if (place !== undefined) this.#replicas.add(digest, place)
    }
    if (place === undefined) this.#places.delete(node)
    else this.#places.set(node, place)
  }

  /** Says whether what a node tells counts for others. */
  setTrusted(node: string, isTrusted: boolean): void {
    if (isTrusted) this.#distrusted.delete(node)
    else this.#distrusted.add(node)
  }

  remove(node: string): void {
    this.#distrusted.delete(node)
    this.put(node, [])
    this.#byNode.delete(node)
    this.#places.delete(node)
  }

  /** The nodes that hold some of a layer, as far as their word counts. */
  *of(layer: string): Generator<string> {
    for (const [node, holding] of this.#byLayer.get(layer) ?? []) {
      if (holding > 0 && !this.#distrusted.has(node)) yield node
    }
  }

  /** By node: the bytes that it holds of a layer, Infinity when that is all; 0 where it is only wanted yet. */
  bytesByNode(layer: string): ReadonlyMap<string, number> {
    return this.#byLayer.get(layer) ?? NO_NODES
  }

  /** How many nodes that are somewhere hold all of a layer, as seen from a place. */
  around(layer: string, place: Place): Replicas {
    return this.#replicas.around(layer, place)
  }

  /** How many nodes hold all, and how many hold a part, of a layer, as far as their word counts. */
  count(layer: string): { complete: number; partial: number } {
    const counts = { complete: 0, partial: 0 }
    for (const [node, holding] of this.#byLayer.get(layer) ?? []) {
      if (this.#distrusted.has(node)) continue
      if (holding === COMPLETE) counts.complete += 1
      else if (holding > 0) counts.partial += 1
    }
    return counts
  }

  /** How many other nodes that are somewhere hold all of a layer, by how near they are to a node. */
  replicas(layer: string, node: string): Replicas {
    const place = this.#places.get(node)
    const { rack, ...farther } = this.#replicas.around(layer, place)
    const isCounted = place !== undefined && this.#byLayer.get(layer)?.get(node) === COMPLETE
    return { rack: isCounted ? rack - 1 : rack, ...farther }
  }

  #set(node: string, digest: string, holding: Holding | undefined): void {
    const nodes = this.#byLayer.get(digest) ?? new Map<string, Holding>()
    const before = nodes.get(node)
    if (before === holding) return
    if ((before ?? 0) > 0 !== (holding ?? 0) > 0) this.#onHolders(digest)
    const place = this.#places.get(node)
    if (before === COMPLETE && place !== undefined) this.#replicas.remove(digest, place)
    if (holding === COMPLETE && place !== undefined) this.#replicas.add(digest, place)
    if (holding === undefined) nodes.delete(node)
    else nodes.set(node, holding)
    if (nodes.size === 0) this.#byLayer.delete(digest)
    else this.#byLayer.set(digest, nodes)
  }
}

function holdingOf({ state, presentBytes }: LayerInventory): Holding | undefined {
  if (state === 'complete') return COMPLETE
  if (state === 'evicted' || (state === 'failed' && presentBytes === 0)) return undefined
  return presentBytes
}
