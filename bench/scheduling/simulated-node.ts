import type { Flavor, TraceLayer } from './request-trace.ts'

const GIB = 1024 ** 3
/** What a host offers to VMs, with what Nova's default allocation ratios make of 32 threads (4 a thread). */
export const NODE_VCPUS = 128
export const NODE_RAM_GIB = 256
export const NODE_DISK_GIB = 2000

/** A layer that is there, or on its way. */
interface CachedLayer {
  readyAtSeconds: number
  usedAtSeconds: number
  /** VMs that run from it: it is not evicted. */
  users: number
}

/** One host: what is used of it, and its cache, in which the least recently used layer goes first. */
export class SimulatedNode {
  readonly rack: number
  usedVcpus = 0
  usedRamGiB = 0
  usedDiskGiB = 0
  vms = 0
  /** When those of its VMs are ready that still wait for their image. */
  readonly building: number[] = []
  /** When what it receives now is there. */
  linkFreeAtSeconds = 0
  readonly #layers: readonly TraceLayer[]
  readonly #cacheBytes: number
  readonly #cache = new Map<number, CachedLayer>()
  #cachedBytes = 0

  constructor(rack: number, layers: readonly TraceLayer[], cacheGiB: number) {
    this.rack = rack
    this.#layers = layers
    this.#cacheBytes = cacheGiB * GIB
  }

  fits({ vcpus, ramGiB, diskGiB }: Flavor): boolean {
    const hasDisk = this.usedDiskGiB + diskGiB <= NODE_DISK_GIB
    return hasDisk && this.usedRamGiB + ramGiB <= NODE_RAM_GIB && this.usedVcpus + vcpus <= NODE_VCPUS
  }

  occupy({ vcpus, ramGiB, diskGiB }: Flavor, vms: 1 | -1): void {
    this.usedVcpus += vms * vcpus
    this.usedRamGiB += vms * ramGiB
    this.usedDiskGiB += vms * diskGiB
    this.vms += vms
  }

  /** VMs that are being built, as Nova counts them. */
  ioOps(nowSeconds: number): number {
    let count = 0
    for (const ready of this.building) if (ready > nowSeconds) count += 1
    return count
  }

  /** When a layer is there; undefined: it is neither there nor on its way. */
  readyAt(layer: number): number | undefined {
    return this.#cache.get(layer)?.readyAtSeconds
  }

  /** Takes a layer in that is complete at some time; whether there was room for it. What goes is told. */
  add(
    layer: number,
    times: { readyAtSeconds: number; nowSeconds: number },
    onEvicted: (layer: number) => void,
  ): boolean {
    const sizeBytes = this.#layers[layer]?.sizeBytes ?? 0
    const idle = [...this.#cache].filter(
      ([, { users, readyAtSeconds }]) => users === 0 && readyAtSeconds <= times.nowSeconds,
    )
    idle.sort(([, a], [, b]) => a.usedAtSeconds - b.usedAtSeconds)
    for (const [gone] of idle) {
      if (this.#cachedBytes + sizeBytes <= this.#cacheBytes) break
      this.#cache.delete(gone)
      this.#cachedBytes -= this.#layers[gone]?.sizeBytes ?? 0
      onEvicted(gone)
    }
    if (this.#cachedBytes + sizeBytes > this.#cacheBytes) return false
    this.#cachedBytes += sizeBytes
    this.#cache.set(layer, { readyAtSeconds: times.readyAtSeconds, usedAtSeconds: times.nowSeconds, users: 0 })
    return true
  }

  /** A VM starts from a layer, or ends. */
  use(layer: number, nowSeconds: number, vms: 1 | -1): void {
    const cached = this.#cache.get(layer)
    if (cached === undefined) return
    cached.usedAtSeconds = nowSeconds
    cached.users = Math.max(0, cached.users + vms)
  }
}
