import { type BootProfile, hotClusters } from '@shoal/qcow2'

/** What guests read in: a page, and the block of most file systems. */
const UNIT_BYTES = 4096
/** 1 GiB of different bytes, more than a boot reads by an order of magnitude. */
const MAX_UNITS = 2 ** 18
const MAX_RANGES = 32_768

/** Guest bytes that a boot reads, each at its first read, in order: offset and length. */
export type Touches = readonly (readonly [offset: number, length: number])[]

/** A tenth and less of what was recorded, and all that a profile is made of; whole units. */
export function firstTouches(profile: BootProfile): Touches {
  const ranges: [number, number][] = []
  for (const unit of hotClusters(profile, UNIT_BYTES, MAX_UNITS)) {
    const last = ranges.at(-1)
    const offset = unit * UNIT_BYTES
    if (last !== undefined && last[0] + last[1] === offset) last[1] += UNIT_BYTES
    else if (ranges.length === MAX_RANGES) break
    else ranges.push([offset, UNIT_BYTES])
  }
  return ranges
}
