import { type Digest, parseDigest } from '@shoal/core'
import type { FileSystemSpace } from '../src/space-limit.ts'
import type { Stock, StockLayer } from '../src/stock.ts'

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
  totalBytes: number
  foreignBytes = 0

  constructor(totalBytes: number) {
    this.totalBytes = totalBytes
  }

  get usedBytes(): number {
    const layers = [...this.held.values()].reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0)
    return [...this.files.values()].reduce((sum, bytes) => sum + bytes, layers)
  }

  put(digest: Digest, allocatedBytes: number, more: Partial<StockLayer> = {}): void {
    this.held.set(digest, { digest, base: null, isComplete: true, ...more, allocatedBytes })
  }

  async layers(): Promise<StockLayer[]> {
    return [...this.held.values()]
  }

  async others(): Promise<{ name: string; allocatedBytes: number }[]> {
    return [...this.files].map(([name, allocatedBytes]) => ({ name, allocatedBytes }))
  }

  async space(): Promise<FileSystemSpace> {
    return { totalBytes: this.totalBytes, freeBytes: this.totalBytes - this.foreignBytes - this.usedBytes }
  }

  async evict(digest: Digest): Promise<boolean> {
    if (this.read.has(digest)) return false
    this.held.delete(digest)
    return true
  }
}
