/** A run of guest bytes that are stored alike. */
export interface Extent {
  /** Guest offset and length, bytes. */
  readonly start: number
  readonly length: number
  /**
   * `data` and `compressed` are stored in the image at `depth`; `zero` reads as zeros because an image says so, `hole` because none
   * of the chain has it.
   */
  readonly kind: 'data' | 'compressed' | 'zero' | 'hole'
  /** Which image of the chain decides: 0 for the topmost. */
  readonly depth: number
  /** Where it begins in that image's file; `undefined` for what is compressed or nowhere. */
  readonly host: number | undefined
}

/** Joins neighbours that are stored alike and one after the other. */
export async function* joinExtents(extents: AsyncIterable<Extent>): AsyncGenerator<Extent> {
  let last: Extent | undefined
  for await (const extent of extents) {
    if (last !== undefined && continues(last, extent)) last = { ...last, length: last.length + extent.length }
    else {
      if (last !== undefined) yield last
      last = extent
    }
  }
  if (last !== undefined) yield last
}

function continues(last: Extent, next: Extent): boolean {
  if (last.kind !== next.kind || last.depth !== next.depth || last.start + last.length !== next.start) return false
  if (last.host === undefined || next.host === undefined) return last.host === next.host
  return last.host + last.length === next.host
}
