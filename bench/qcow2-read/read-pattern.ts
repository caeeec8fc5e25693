const KIB = 1024
const MIB = 1024 ** 2
/** Where the next read goes, as a share of what is read: the golden ratio leaves no two near each other. */
const STRIDE_SHARE = (Math.sqrt(5) - 1) / 2

/** Reads of one size, each byte of a range once in a pass: the read number n begins at `offset + (n * strideBytes) % length`. */
export interface ReadPattern {
  readonly name: 'whole' | 'sequential' | 'random'
  readonly offset: number
  readonly length: number
  readonly requestBytes: number
  readonly strideBytes: number
  /** Reads in flight at a time. */
  readonly depth: number
  /** So often is all of it read. */
  readonly passes: number
}

/** All of the disk, holes and all; the window, which is nearly all data; and the window as a guest reads, here and there. */
export function readPatterns(
  diskBytes: number,
  { offset, length, passes }: { offset: number; length: number; passes: number },
): ReadPattern[] {
  const inOrder = { requestBytes: MIB, strideBytes: MIB, depth: 1 }
  const here = { requestBytes: 64 * KIB, strideBytes: coprimeStride(length, 64 * KIB), depth: 8 }
  return [
    { name: 'whole', offset: 0, length: Math.floor(diskBytes / MIB) * MIB, passes: 1, ...inOrder },
    { name: 'sequential', offset, length, passes, ...inOrder },
    { name: 'random', offset, length, passes, ...here },
  ]
}

/** A multiple of `unit` by which one comes to every unit of `length` before the first again. */
function coprimeStride(length: number, unit: number): number {
  const units = length / unit
  let stride = Math.max(1, Math.floor(units * STRIDE_SHARE))
  while (greatestCommonDivisor(stride, units) !== 1) stride += 1
  return stride * unit
}

function greatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestCommonDivisor(other, one % other)
}
