const KIB = 1024
const MIB = 1024 ** 2
/** Where the next read goes, as a share of the disk: the golden ratio leaves no two near each other. */
const STRIDE_SHARE = (Math.sqrt(5) - 1) / 2

/** Reads of one size: the read number n begins at `(n * strideBytes) % length`. */
export interface BlockPattern {
  readonly name: string
  readonly isSequential: boolean
  readonly requestBytes: number
  readonly strideBytes: number
  /** Reads in flight at a time. */
  readonly depth: number
  readonly count: number
}

/** In order as a copy reads, and here and there as a guest does, alone and with a queue. */
export function blockPatterns(virtualBytes: number, { quick }: { quick: boolean }): BlockPattern[] {
  const share = quick ? 0.25 : 1
  const inOrder = (depth: number) => ({
    ...{ name: `sequential-${depth}`, isSequential: true, requestBytes: MIB, strideBytes: MIB, depth },
    count: Math.round(4096 * share),
  })
  const here = (kib: number, depth: number, count: number) => ({
    ...{ name: `random-${kib}k-${depth}`, isSequential: false, requestBytes: kib * KIB, depth },
    strideBytes: Math.floor((virtualBytes * STRIDE_SHARE) / (kib * KIB)) * kib * KIB + kib * KIB,
    count: Math.round(count * share),
  })
  return [inOrder(1), inOrder(16), here(4, 1, 48_000), here(4, 16, 160_000), here(64, 1, 20_000), here(64, 16, 60_000)]
}
