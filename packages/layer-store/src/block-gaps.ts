import { Bitfield } from '@shoal/core'

/** More gaps of a layer are not freed in one go: each costs a process. */
const MAX_GAPS = 256

/** Absent blocks that follow one another, before the last present one. */
export interface BlockGap {
  readonly firstBlock: number
  readonly blocks: number
}

/**
 * The widest gaps between present blocks, the widest first, and no more than are freed in one go: those that one of
 * these blocks is in, or all of them.
 */
export function widestGaps(present: Bitfield, blocks?: Iterable<number>): BlockGap[] {
  const gaps = findGaps(present)
  if (blocks === undefined) return gaps.slice(0, MAX_GAPS)
  const among = new Bitfield(present.length)
  for (const block of blocks) among.set(block)
  return gaps.filter((gap) => hasOne(among, gap)).slice(0, MAX_GAPS)
}

/**
 * What stays of a layer when only some blocks are wanted: of those that are present the wanted ones, and what lies in
 * gaps beyond the widest, since their space would not be freed. Throws a RangeError for blocks of another layer.
 */
export function keptBlocks(present: Bitfield, wanted: Bitfield): Bitfield {
  if (wanted.length !== present.length) throw new RangeError(`${wanted.length} blocks of ${present.length}`)
  const kept = new Bitfield(present.length)
  for (const block of wanted.ones()) if (present.has(block)) kept.set(block)
  for (const { firstBlock, blocks } of findGaps(kept).slice(MAX_GAPS)) {
    for (let block = firstBlock; block < firstBlock + blocks; block += 1) if (present.has(block)) kept.set(block)
  }
  return kept
}

function findGaps(present: Bitfield): BlockGap[] {
  const gaps: BlockGap[] = []
  let next = 0
  for (const block of present.ones()) {
    if (block > next) gaps.push({ firstBlock: next, blocks: block - next })
    next = block + 1
  }
  return gaps.sort((one, other) => other.blocks - one.blocks)
}

function hasOne(among: Bitfield, { firstBlock, blocks }: BlockGap): boolean {
  for (let block = firstBlock; block < firstBlock + blocks; block += 1) if (among.has(block)) return true
  return false
}
