import { Bitfield, blocksOfPiece, pieceCount } from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'

/** The pieces all of whose blocks are present. */
export function presentPieces(layer: StoredLayer): Bitfield {
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
