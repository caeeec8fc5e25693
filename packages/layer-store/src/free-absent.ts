import type { Bitfield, Geometry } from '@shoal/core'
import type { BlockGap } from './block-gaps.ts'
import { presentEnd } from './block-range.ts'
import type { LayerFile } from './layer-file.ts'
import type { ByteRange } from './punch-holes.ts'

/** Frees the space of gaps, and of all that lies behind the last present block: once they are recorded as absent. */
export async function freeAbsent(
  file: Pick<LayerFile, 'punch' | 'freeFrom'>,
  geometry: Geometry,
  { present, gaps }: { present: Bitfield; gaps: readonly BlockGap[] },
): Promise<void> {
  if (gaps.length > 0) await file.punch(gapRanges(geometry, gaps))
  await file.freeFrom(presentEnd(geometry, present), geometry.sizeBytes)
}

/** Where gaps are in the file. No last block is in one, which may be shorter. */
export function gapRanges({ blockLengthBytes }: Geometry, gaps: readonly BlockGap[]): ByteRange[] {
  return gaps.map(({ firstBlock, blocks }) => {
    return { position: firstBlock * blockLengthBytes, length: blocks * blockLengthBytes }
  })
}
