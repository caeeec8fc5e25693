import { LazyHeap } from './lazy-heap.ts'

/** Units of a few kinds for many places, where each unit costs by itself. */
export interface FlowInput {
  /** By kind: how many units. */
  readonly units: readonly number[]
  /** By kind, then by place: what one unit costs there. Infinity: it cannot go there. */
  readonly unitCosts: readonly Float64Array[]
  readonly slots: Int32Array
  readonly loads: Float64Array
  /** What one more unit costs for each that a place has already, with its load. */
  readonly spreadCost: number
}

export interface Flow {
  /** By kind, then by place. */
  readonly counts: readonly Int32Array[]
  /** Of the units that have a place. */
  readonly cost: number
  readonly unplaced: number
}

/** What some units cost on a place of some load, where each costs what is there before it. */
export function loadCost(load: number, units: number): number {
  return units * load + (units * (units - 1)) / 2
}

/** The place of units that have none. */
const NOWHERE = -1

/**
 * Places as many units as can be, at the least cost. Successive shortest paths (Jewell 1958; Busacker and Gowen 1960)
 * on a graph that has the kinds alone as vertices: an edge from a to b is the place where an `a` can take the slot of a
 * `b` at the least extra cost, so that a path costs what the few kinds do and not what the many places would.
 */
export function leastCostFlow(input: FlowInput): Flow {
  return new FlowSolver(input).solve()
}

class FlowSolver {
  readonly #input: FlowInput
  readonly #kinds: number
  readonly #counts: Int32Array[]
  readonly #totals: Int32Array
  readonly #unplaced: Int32Array
  /** By kind: places with a free slot, by what the next unit costs there. */
  readonly #free: LazyHeap[]
  /** By kind: the places that have some of it, which may be NOWHERE. */
  readonly #holders: Set<number>[]
  /** By kind a, then kind b: the least extra cost of an `a` in the slot of a `b`, and where. */
  readonly #swapCosts: Float64Array
  readonly #swapPlaces: Int32Array
  /** More than any path costs, so that a unit goes nowhere only when all is full. */
  readonly #nowhereCost: number
  readonly #epsilon: number

  constructor(input: FlowInput) {
    const { units, unitCosts, slots, loads, spreadCost } = input
    this.#input = input
    this.#kinds = units.length
    this.#counts = units.map(() => new Int32Array(slots.length))
    this.#totals = new Int32Array(slots.length)
    this.#unplaced = new Int32Array(units.length)
    const all = units.reduce((sum, count) => sum + count, 0)
    let largest = 0
    for (const row of unitCosts) for (const cost of row) if (cost > largest && cost < Infinity) largest = cost
    let load = 0
    for (const one of loads) load = Math.max(load, one)
    const steepest = largest + spreadCost * (load + all)
    this.#nowhereCost = 1 + steepest * (2 * this.#kinds + 2)
    this.#epsilon = 1e-12 * this.#nowhereCost
    this.#free = unitCosts.map((costs) => {
      return new LazyHeap(slots.length, (place) => {
        const total = this.#totals[place] ?? 0
        if (total >= (slots[place] ?? 0)) return Number.POSITIVE_INFINITY
        return (costs[place] ?? 0) + spreadCost * ((loads[place] ?? 0) + total)
      })
    })
    this.#holders = units.map(() => new Set())
    this.#swapCosts = new Float64Array(this.#kinds ** 2).fill(Number.POSITIVE_INFINITY)
    this.#swapPlaces = new Int32Array(this.#kinds ** 2)
  }

  solve(): Flow {
    for (const [kind, count] of this.#input.units.entries()) {
      for (let unit = 0; unit < count; unit += 1) this.#place(kind)
    }
    const unplaced = this.#unplaced.reduce((sum, count) => sum + count, 0)
    return { counts: this.#counts, cost: this.#costOfAll(), unplaced }
  }

  #costOfAll(): number {
    const { unitCosts, loads, spreadCost } = this.#input
    let cost = 0
    for (const [kind, row] of this.#counts.entries()) {
      for (const [place, count] of row.entries()) if (count > 0) cost += count * (unitCosts[kind]?.[place] ?? 0)
    }
    for (const [place, total] of this.#totals.entries()) cost += spreadCost * loadCost(loads[place] ?? 0, total)
    return cost
  }

  #unitCost(kind: number, place: number): number {
    return place === NOWHERE ? this.#nowhereCost : (this.#input.unitCosts[kind]?.[place] ?? 0)
  }

  /** Places one more unit of a kind, along the cheapest chain of units that give way to each other. */
  #place(source: number): void {
    const { distances, previous } = this.#shortestPaths(source)
    let [best, last, exit] = [Number.POSITIVE_INFINITY, source, NOWHERE]
    for (let kind = 0; kind < this.#kinds; kind += 1) {
      const distance = distances[kind] ?? 0
      if (distance === Number.POSITIVE_INFINITY) continue
      const place = this.#free[kind]?.top() ?? NOWHERE
      const cost = distance + (place === NOWHERE ? this.#nowhereCost : this.#nextCost(kind, place))
      if (cost < best) [best, last, exit] = [cost, kind, place]
    }
    const steps = this.#stepsTo(last, source, previous)
    if (exit !== NOWHERE) this.#totals[exit] = (this.#totals[exit] ?? 0) + 1
    this.#change(last, exit, 1)
    for (const { from, to, place } of steps) {
      this.#change(from, place, 1)
      this.#change(to, place, -1)
    }
  }

  /** All of a path, before any of it is walked: walking changes where kinds can be swapped. */
  #stepsTo(last: number, source: number, previous: Int32Array): { from: number; to: number; place: number }[] {
    const steps: { from: number; to: number; place: number }[] = []
    for (let to = last; to !== source; ) {
      const from = previous[to] ?? source
      steps.push({ from, to, place: this.#swapPlaces[from * this.#kinds + to] ?? NOWHERE })
      to = from
    }
    return steps
  }

  #nextCost(kind: number, place: number): number {
    const { loads, spreadCost } = this.#input
    return this.#unitCost(kind, place) + spreadCost * ((loads[place] ?? 0) + (this.#totals[place] ?? 0))
  }

  /** Bellman and Ford: edges may cost less than nothing, and a round that changes nothing is the last. */
  #shortestPaths(source: number): { distances: Float64Array; previous: Int32Array } {
    const kinds = this.#kinds
    const distances = new Float64Array(kinds).fill(Number.POSITIVE_INFINITY)
    const previous = new Int32Array(kinds).fill(source)
    distances[source] = 0
    let changed = [source]
    for (let round = 0; round < kinds && changed.length > 0; round += 1) {
      const next = new Set<number>()
      for (const from of changed) {
        const distance = distances[from] ?? 0
        for (let to = 0; to < kinds; to += 1) {
          const longer = distance + (this.#swapCosts[from * kinds + to] ?? 0)
          if (to === source || !(longer < (distances[to] ?? 0) - this.#epsilon)) continue
          distances[to] = longer
          previous[to] = from
          next.add(to)
        }
      }
      changed = [...next]
    }
    return { distances, previous }
  }

  #change(kind: number, place: number, by: 1 | -1): void {
    const row = place === NOWHERE ? this.#unplaced : this.#counts[kind]
    const at = place === NOWHERE ? kind : place
    if (row === undefined) return
    const count = (row[at] ?? 0) + by
    row[at] = count
    if (by === 1 && count === 1) this.#gained(kind, place)
    if (by === -1 && count === 0) this.#lost(kind, place)
  }

  #gained(kind: number, place: number): void {
    this.#holders[kind]?.add(place)
    for (let other = 0; other < this.#kinds; other += 1) {
      if (other !== kind) this.#offer(other, kind, place)
    }
  }

  #lost(kind: number, place: number): void {
    const holders = this.#holders[kind] ?? new Set()
    holders.delete(place)
    for (let other = 0; other < this.#kinds; other += 1) {
      const edge = other * this.#kinds + kind
      if (other === kind || this.#swapPlaces[edge] !== place) continue
      this.#swapCosts[edge] = Number.POSITIVE_INFINITY
      for (const holder of holders) this.#offer(other, kind, holder)
    }
  }

  #offer(from: number, to: number, place: number): void {
    const edge = from * this.#kinds + to
    const cost = this.#unitCost(from, place) - this.#unitCost(to, place)
    if (cost >= (this.#swapCosts[edge] ?? 0)) return
    this.#swapCosts[edge] = cost
    this.#swapPlaces[edge] = place
  }
}
