import type { BlockExtent } from '../block-device.ts'

/** Zeros shorter than this are sent as they are: a chunk of their own costs more. */
const MIN_ZERO_BYTES = 4096
/** Chunks begin and end at multiples of it where they can. */
const CHUNK_ALIGNMENT_BYTES = 512

/** A part of a read: zeros, or bytes that the device is asked for. */
export interface ReadRun {
  readonly offset: number
  readonly length: number
  readonly isZero: boolean
}

/** Cuts a read of the device into zeros and bytes, by the extents from its offset on. What these do not cover is bytes. */
export function readRuns(offset: number, length: number, extents: readonly BlockExtent[]): ReadRun[] {
  const end = offset + length
  const runs: ReadRun[] = []
  let done = offset
  const add = (until: number, isZero: boolean) => {
    if (until > done) runs.push({ offset: done, length: until - done, isZero })
    done = Math.max(done, until)
  }
  for (const { from, to } of zeroRanges(offset, end, extents)) {
    const start = from === offset ? from : roundUp(from)
    const stop = to === end ? to : to - (to % CHUNK_ALIGNMENT_BYTES)
    if (stop - start < MIN_ZERO_BYTES) continue
    add(start, false)
    add(stop, true)
  }
  add(end, false)
  return runs
}

/** Where zeros are, neighbours joined. */
function zeroRanges(offset: number, end: number, extents: readonly BlockExtent[]): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = []
  let at = offset
  for (const extent of extents) {
    const to = Math.min(at + extent.length, end)
    const last = ranges.at(-1)
    if (extent.isZero && last?.to === at) last.to = to
    else if (extent.isZero && to > at) ranges.push({ from: at, to })
    at = to
  }
  return ranges
}

function roundUp(offset: number): number {
  return Math.ceil(offset / CHUNK_ALIGNMENT_BYTES) * CHUNK_ALIGNMENT_BYTES
}
