import type { Chain, FoundExtent } from '@shoal/qcow2'
import { SharedWork } from './layer-reader-shared.ts'

/** What is looked up at a time. */
const WINDOW_BYTES = 4 * 1024 * 1024
/** Extents that are kept, some 6 MiB: of a compressed disk those of 2 GiB. */
const MAX_EXTENTS = 32_768

/** Where the guest bytes of a disk are, as far as that was looked up. */
export class DiskMap {
  readonly #chain: Chain
  /** By number; the least recently used first. */
  readonly #windows = new Map<number, readonly FoundExtent[]>()
  readonly #loads = new SharedWork((window: number, signal) => this.#load(window, signal))
  #extents = 0

  constructor(chain: Chain) {
    this.#chain = chain
  }

  /** Where a range is, in order and without gaps; `undefined` when some of that has to be looked up first. */
  find(offset: number, length: number): FoundExtent[] | undefined {
    const parts: FoundExtent[] = []
    const end = offset + length
    for (let window = windowOf(offset); window * WINDOW_BYTES < end; window += 1) {
      const extents = this.#windows.get(window)
      if (extents === undefined) return undefined
      this.#windows.delete(window)
      this.#windows.set(window, extents)
      clip(extents, offset, end, parts)
    }
    return parts
  }

  /** As {@link find}, after looking up what is missing, which may have to be fetched. */
  async look(offset: number, length: number, { signal }: { signal: AbortSignal }): Promise<FoundExtent[]> {
    const parts: FoundExtent[] = []
    const end = offset + length
    for (let window = windowOf(offset); window * WINDOW_BYTES < end; window += 1) {
      clip(this.#windows.get(window) ?? (await this.#loads.join(window, signal)), offset, end, parts)
    }
    return parts
  }

  async #load(window: number, signal: AbortSignal): Promise<readonly FoundExtent[]> {
    const extents: FoundExtent[] = []
    for await (const found of this.#chain.found(window * WINDOW_BYTES, WINDOW_BYTES, { signal })) extents.push(found)
    this.#windows.set(window, extents)
    this.#extents += extents.length
    for (const [oldest, { length }] of this.#windows) {
      if (this.#extents <= MAX_EXTENTS || oldest === window) break
      this.#windows.delete(oldest)
      this.#extents -= length
    }
    return extents
  }
}

function windowOf(offset: number): number {
  return Math.floor(offset / WINDOW_BYTES)
}

/** Adds what of sorted extents lies between two offsets. */
function clip(extents: readonly FoundExtent[], offset: number, end: number, parts: FoundExtent[]): void {
  let low = 0
  for (let high = extents.length; low < high; ) {
    const middle = (low + high) >> 1
    const extent = extents[middle]?.extent
    if (extent !== undefined && extent.start + extent.length <= offset) low = middle + 1
    else high = middle
  }
  for (let index = low; index < extents.length; index += 1) {
    const found = extents[index]
    if (found === undefined || found.extent.start >= end) return
    parts.push(part(found, offset, end))
  }
}

function part(found: FoundExtent, offset: number, end: number): FoundExtent {
  const { depth, extent } = found
  const start = Math.max(offset, extent.start)
  const length = Math.min(end, extent.start + extent.length) - start
  // A compressed cluster is read as a whole, whatever part of it is wanted.
  if (extent.kind !== 'data') return { depth, extent: { ...extent, start, length } }
  return { depth, extent: { ...extent, start, length, host: extent.host + start - extent.start } }
}
