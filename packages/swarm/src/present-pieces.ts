import { Bitfield, blocksOfPiece, pieceCount } from '@shoal/core'
import type { SwarmLayer } from './swarm-layer.ts'

/** The pieces all of whose blocks are present. */
export function presentPieces(layer: SwarmLayer): Bitfield {
  const { manifest, present } = layer
  const pieces = new Bitfield(pieceCount(manifest))
  for (let piece = 0; piece < pieces.length; piece += 1) {
    const { first, end } = blocksOfPiece(manifest, piece)
    let block = first
    while (block < end && present.has(block)) block += 1
    if (block === end) pieces.set(piece)
  }
  return pieces
}
