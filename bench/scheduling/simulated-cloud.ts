import type { NearestCopy } from '@shoal/scheduler'
import type { RequestTrace, VmRequest } from './request-trace.ts'
import { SimulatedNode } from './simulated-node.ts'

export interface CloudOptions {
  readonly nodes: number
  readonly nodesPerRack: number
  readonly cacheGiB: number
}

/** 10 GbE a node and for the seed, 40 GbE a rack. Bytes per second. */
const NODE_RATE = 1.25e9
const RACK_RATE = 5e9
const SEED_RATE = 1.25e9

export interface MovedBytes {
  rack: number
  elsewhere: number
  seed: number
}

interface RunningVm {
  readonly endsAtSeconds: number
  readonly node: SimulatedNode
  readonly request: VmRequest
  readonly chain: readonly number[]
}

/**
 * Hosts with caches, whose links carry one transfer after the other. A layer is fetched from a host of the same rack
 * that has it or is getting it (blocks pass on as they come), from another rack, or from the seed.
 */
export class SimulatedCloud {
  readonly nodes: readonly SimulatedNode[]
  readonly trace: RequestTrace
  readonly moved: MovedBytes = { rack: 0, elsewhere: 0, seed: 0 }
  readonly waits: number[] = []
  nowSeconds = 0
  rejected = 0
  readonly #racks: number
  /** By layer, then by rack: how many hosts have it or are getting it. */
  readonly #holders: Int32Array[]
  readonly #held: Int32Array
  /** By layer, then by rack: when the first copy there is complete; nobody is done with a layer before its source is. */
  readonly #completeAt: Float64Array[]
  readonly #rackFreeAt: Float64Array
  #seedFreeAt = 0
  readonly #running: RunningVm[] = []

  constructor(trace: RequestTrace, { nodes, nodesPerRack, cacheGiB }: CloudOptions) {
    this.trace = trace
    this.#racks = Math.ceil(nodes / nodesPerRack)
    this.nodes = Array.from({ length: nodes }, (_, node) => {
      return new SimulatedNode(Math.floor(node / nodesPerRack), trace.layers, cacheGiB)
    })
    this.#holders = trace.layers.map(() => new Int32Array(this.#racks))
    this.#held = new Int32Array(trace.layers.length)
    this.#completeAt = trace.layers.map(() => new Float64Array(this.#racks).fill(Number.POSITIVE_INFINITY))
    this.#rackFreeAt = new Float64Array(this.#racks)
  }

  /** Lets time pass, and VMs end whose time it is. */
  advance(toSeconds: number): void {
    this.nowSeconds = toSeconds
    for (let at = this.#running.length - 1; at >= 0; at -= 1) {
      const vm = this.#running[at]
      if (vm === undefined || vm.endsAtSeconds > toSeconds) continue
      this.#running[at] = this.#running.at(-1) ?? vm
      this.#running.pop()
      vm.node.occupy(vm.request.flavor, -1)
      for (const layer of vm.chain) vm.node.use(layer, vm.endsAtSeconds, -1)
    }
    for (const node of this.nodes) {
      const { building } = node
      for (let at = building.length - 1; at >= 0; at -= 1) if ((building[at] ?? 0) <= toSeconds) building.splice(at, 1)
    }
  }

  nearest(layer: number, rack: number): NearestCopy {
    if ((this.#holders[layer]?.[rack] ?? 0) > 0) return 'rack'
    return (this.#held[layer] ?? 0) > 0 ? 'zone' : 'seed'
  }

  start(request: VmRequest, number: number): void {
    const node = this.nodes[number]
    if (node === undefined || !node.fits(request.flavor)) throw new TypeError(`node ${number} has no room`)
    const chain = this.trace.chains[request.image] ?? []
    node.occupy(request.flavor, 1)
    let readyAt = this.nowSeconds
    for (const layer of chain) {
      readyAt = Math.max(readyAt, node.readyAt(layer) ?? this.#fetch(layer, node))
      node.use(layer, this.nowSeconds, 1)
    }
    if (readyAt > this.nowSeconds) node.building.push(readyAt)
    this.waits.push(readyAt - this.nowSeconds)
    this.#running.push({ endsAtSeconds: readyAt + request.lifetimeSeconds, node, request, chain })
  }

  /** Brings a layer to a node; when it is there. */
  #fetch(layer: number, node: SimulatedNode): number {
    const sizeBytes = this.trace.layers[layer]?.sizeBytes ?? 0
    const from = this.nearest(layer, node.rack)
    this.moved[from === 'rack' ? 'rack' : from === 'seed' ? 'seed' : 'elsewhere'] += sizeBytes
    node.linkFreeAtSeconds = Math.max(node.linkFreeAtSeconds, this.nowSeconds) + sizeBytes / NODE_RATE
    let readyAt = Math.max(node.linkFreeAtSeconds, this.#sourceReadyAt(layer, node.rack, from))
    if (from !== 'rack') {
      const free = Math.max(this.#rackFreeAt[node.rack] ?? 0, this.nowSeconds) + sizeBytes / RACK_RATE
      this.#rackFreeAt[node.rack] = free
      readyAt = Math.max(readyAt, free)
    }
    if (from === 'seed') {
      this.#seedFreeAt = Math.max(this.#seedFreeAt, this.nowSeconds) + sizeBytes / SEED_RATE
      readyAt = Math.max(readyAt, this.#seedFreeAt)
    }
    const times = { readyAtSeconds: readyAt, nowSeconds: this.nowSeconds }
    if (node.add(layer, times, (gone) => this.#count(gone, node.rack, -1))) {
      this.#count(layer, node.rack, 1)
      const racks = this.#completeAt[layer]
      if (racks !== undefined) racks[node.rack] = Math.min(racks[node.rack] ?? 0, readyAt)
    }
    return readyAt
  }

  #sourceReadyAt(layer: number, rack: number, from: NearestCopy): number {
    const racks = this.#completeAt[layer]
    if (racks === undefined || from === 'seed') return this.nowSeconds
    return from === 'rack' ? (racks[rack] ?? 0) : Math.min(...racks)
  }

  #count(layer: number, rack: number, by: 1 | -1): void {
    const racks = this.#holders[layer]
    if (racks !== undefined) racks[rack] = (racks[rack] ?? 0) + by
    const completeAt = this.#completeAt[layer]
    if (completeAt !== undefined && racks?.[rack] === 0) completeAt[rack] = Number.POSITIVE_INFINITY
    this.#held[layer] = (this.#held[layer] ?? 0) + by
  }

  /** Standard deviation over mean of the memory that is used, of all hosts. */
  imbalance(): number {
    let [sum, squares] = [0, 0]
    for (const { usedRamGiB } of this.nodes) {
      sum += usedRamGiB
      squares += usedRamGiB ** 2
    }
    const mean = sum / this.nodes.length
    return mean === 0 ? 0 : Math.sqrt(Math.max(0, squares / this.nodes.length - mean ** 2)) / mean
  }

  mostOverMean(): number {
    const sum = this.nodes.reduce((all, { usedRamGiB }) => all + usedRamGiB, 0)
    return sum === 0 ? 1 : (Math.max(...this.nodes.map(({ usedRamGiB }) => usedRamGiB)) * this.nodes.length) / sum
  }
}
