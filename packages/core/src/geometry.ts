/** How a layer is cut: all lengths in bytes; the last block and piece may be shorter. */
export interface Geometry {
  readonly sizeBytes: number
  /** Smallest unit that is verified and served: a power of two. */
  readonly blockLengthBytes: number
  /** BitTorrent's unit: a multiple of the block length and a power of two. */
  readonly pieceLengthBytes: number
}

const KIB = 1024
const MIB = 1024 ** 2
const GIB = 1024 ** 3
/** Up to here the last node waits noticeably for the first pieces to go round and the last ones to arrive. */
const SMALL_BYTES = 128 * MIB

/**
 * Lengths for a layer of this size. 256 KiB pieces return a VM's cold read in a third of the time of 1 MiB pieces; small layers take
 * smaller ones, larger layers larger ones so that a torrent stays near 16,000 of them (docs/adr/0004).
 */
export function chooseGeometry(sizeBytes: number): Geometry {
  const blockLengthBytes = (sizeBytes <= SMALL_BYTES ? 128 : 256) * KIB
  let pieceLengthBytes = blockLengthBytes
  while (sizeBytes / pieceLengthBytes > (4 * GIB) / blockLengthBytes) pieceLengthBytes *= 2
  return { sizeBytes, blockLengthBytes, pieceLengthBytes }
}

export function blockCount(geometry: Geometry): number {
  return Math.ceil(geometry.sizeBytes / geometry.blockLengthBytes)
}

export function pieceCount(geometry: Geometry): number {
  return Math.ceil(geometry.sizeBytes / geometry.pieceLengthBytes)
}

/** Bytes in a block: the block length, or less for the last. */
export function blockSize(geometry: Geometry, block: number): number {
  return Math.min(geometry.blockLengthBytes, geometry.sizeBytes - block * geometry.blockLengthBytes)
}

/** Bytes in a piece: the piece length, or less for the last. */
export function pieceSize(geometry: Geometry, piece: number): number {
  return Math.min(geometry.pieceLengthBytes, geometry.sizeBytes - piece * geometry.pieceLengthBytes)
}

/** The blocks of a piece: first and one past the last. */
export function blocksOfPiece(geometry: Geometry, piece: number): { first: number; end: number } {
  const perPiece = geometry.pieceLengthBytes / geometry.blockLengthBytes
  const first = piece * perPiece
  return { first, end: Math.min(first + perPiece, blockCount(geometry)) }
}
