import type { BlockExtent } from '../block-device.ts'
import { STATE } from '../protocol.ts'

/** What is told of one extent: its length and the bits of its status. */
export interface StatusDescriptor {
  readonly length: number
  readonly status: number
}

/**
 * What the reply to a block status tells: at least one descriptor, at most `maxCount`, together not longer than was asked for, neighbours
 * different. What the device does not tell is not told; if that is all, it counts as stored.
 */
export function statusDescriptors(
  length: number,
  extents: readonly BlockExtent[],
  maxCount: number,
): readonly StatusDescriptor[] {
  const descriptors: { length: number; status: number }[] = []
  let left = length
  for (const extent of extents) {
    const told = Math.min(extent.length, left)
    if (told === 0) break
    const status = (extent.isHole ? STATE.hole : 0) | (extent.isZero ? STATE.zero : 0)
    const last = descriptors.at(-1)
    if (last?.status === status) last.length += told
    else if (descriptors.length === maxCount) break
    else descriptors.push({ length: told, status })
    left -= told
  }
  return descriptors.length > 0 ? descriptors : [{ length, status: 0 }]
}
