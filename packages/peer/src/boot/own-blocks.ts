import { type BootRun, blockCount, type Geometry } from '@shoal/core'

/** The blocks of a run of a boot profile, whose blocks have that length, as this node has the layer cut. */
export function ownBlocks(
  run: Pick<BootRun, 'firstBlock' | 'blocks'>,
  blockLengthBytes: number,
  geometry: Geometry,
): { first: number; end: number } {
  const ratio = blockLengthBytes / geometry.blockLengthBytes
  const first = Math.floor(run.firstBlock * ratio)
  const end = Math.ceil((run.firstBlock + run.blocks) * ratio)
  return { first, end: Math.min(end, blockCount(geometry)) }
}
