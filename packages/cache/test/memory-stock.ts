import { type Digest, parseDigest } from '@shoal/core'
import type { FileSystemSpace } from '../src/space-limit.ts'
import type { Stock, StockFile, StockLayer } from '../src/stock.ts'

/** The nth of many digests. */
export function digestOf(index: number): Digest {
  return parseDigest(`sha256:${index.toString(16).padStart(64, '0')}`)
}

/** A file system that is only numbers. */
export class MemoryStock implements Stock {
  readonly held = new Map<Digest, StockLayer>()
  readonly files = new Map<string, number>()
  /** Read just now, so that evicting fails. */
  readonly read = new Set<Digest>()
  /** Of these more stays than was asked for. */
  readonly sticky = new Map<Digest, number>()
  /** Of these no part can stay. */
  readonly unparted = new Set<Digest>()
  totalBytes: number
  foreignBytes = 0
  /** What happens while somebody looks: after the layers were listed, before the rest. */
  meanwhile: () => void = () => {}

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes
  }

  get usedBytes(): number {
    const layers = [...this.held.values()].reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0)
    return [...this.files.values()].reduce((sum, bytes) => sum + bytes, layers)
  }

  get freeBytes(): number {
    return Math.max(0, this.totalBytes - this.foreignBytes - this.usedBytes)
  }

  put(digest: Digest, allocatedBytes: number, more: Partial<StockLayer> = {}): void {
    this.held.set(digest, { digest, base: null, bootBytes: 0, isComplete: true, ...more, allocatedBytes })
  }

  async layers(): Promise<StockLayer[]> {
    return [...this.held.values()]
  }

  async others(): Promise<StockFile[]> {
    this.meanwhile()
    return [...this.files].map(([name, allocatedBytes]) => ({ name, allocatedBytes }))
  }

  async space(): Promise<FileSystemSpace> {
    return { totalBytes: this.totalBytes, freeBytes: this.freeBytes }
  }

  async evict(digest: Digest, keptBytes: number): Promise<number | undefined> {
    if (this.read.has(digest)) return undefined
    const layer = this.held.get(digest)
    if (layer === undefined || keptBytes === 0 || this.unparted.has(digest)) {
      this.held.delete(digest)
      return 0
    }
    const allocatedBytes = Math.min(layer.allocatedBytes, this.sticky.get(digest) ?? keptBytes)
    this.held.set(digest, { ...layer, allocatedBytes, isComplete: false })
    return keptBytes
  }
}
