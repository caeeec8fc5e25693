/** Nodes in groups that are split again and again, by one difference after the other. */
export class NodeGroups {
  readonly #nodes: readonly number[]
  readonly #groupOf: Int32Array
  /** By number of a group, which is empty when all of it went elsewhere. */
  readonly #sizes: number[]
  #count: number

  /** All in one group. `fleetSize` is more than any of the nodes. */
  constructor(nodes: readonly number[], fleetSize: number) {
    this.#nodes = nodes
    this.#groupOf = new Int32Array(fleetSize)
    this.#sizes = [nodes.length]
    this.#count = nodes.length === 0 ? 0 : 1
  }

  /** Of groups that are not empty. */
  get count(): number {
    return this.#count
  }

  /** Takes nodes out of their groups into new ones, with those of their group that have the same key. */
  split(nodes: readonly number[], keyOf: (node: number) => number): void {
    const known = new Map<number, Map<number, number>>()
    for (const node of nodes) {
      const group = this.#groupOf[node] ?? 0
      const key = keyOf(node)
      const ofKey = known.get(key) ?? new Map<number, number>()
      if (ofKey.size === 0) known.set(key, ofKey)
      let number = ofKey.get(group)
      if (number === undefined) {
        number = this.#sizes.push(0) - 1
        ofKey.set(group, number)
      }
      this.#move(node, group, number)
    }
  }

  all(): number[][] {
    return [...Map.groupBy(this.#nodes, (node) => this.#groupOf[node]).values()]
  }

  #move(node: number, from: number, to: number): void {
    this.#groupOf[node] = to
    const [left, grown] = [(this.#sizes[from] ?? 0) - 1, (this.#sizes[to] ?? 0) + 1]
    this.#sizes[from] = left
    this.#sizes[to] = grown
    this.#count += (grown === 1 ? 1 : 0) - (left === 0 ? 1 : 0)
  }
}
