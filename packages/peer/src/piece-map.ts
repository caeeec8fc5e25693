import { MAX_MAP_STRETCHES } from '@shoal/api'
import type { Bitfield } from '@shoal/core'

/**
 * Which part of a layer is here, in at most so many stretches of equal length: one hexadecimal digit each, 0 when nothing of it is here
 * and f when all of it is. What is neither is never rounded to one of them.
 */
export function pieceMap(present: Bitfield): string {
  const stretches = Math.max(1, Math.min(MAX_MAP_STRETCHES, present.length))
  let map = ''
  let block = 0
  for (let stretch = 1; stretch <= stretches; stretch += 1) {
    const begin = block
    const end = Math.round((stretch * present.length) / stretches)
    let here = 0
    for (; block < end; block += 1) if (present.has(block)) here += 1
    map += digitOf(here, end - begin)
  }
  return map
}

function digitOf(here: number, all: number): string {
  if (here === 0) return '0'
  if (here === all) return 'f'
  return Math.min(14, Math.max(1, Math.round((here / all) * 15))).toString(16)
}
