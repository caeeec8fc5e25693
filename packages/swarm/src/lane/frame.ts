/** Frames of the lane, as docs/formats/lane.md has them. */
export const FRAME = {
  join: 1,
  leave: 2,
  request: 3,
  cancel: 4,
  urge: 5,
  want: 6,
  need: 7,
  arrived: 8,
  have: 9,
  block: 10,
  reject: 11,
  closed: 12,
} as const

export const FLAG = { urgent: 1, chosen: 2 } as const

export const HEADER_BYTES = 16
export const INFO_HASH_BYTES = 20
/** The longest payload that is not a block's: of a HAVE or a NEED. */
export const MAX_CONTROL_BYTES = 65_536
/** Channels of a lane that are open at once. */
export const MAX_CHANNELS = 256
/** Blocks that a channel may have asked for and not been answered. One frame names no more than these. */
export const MAX_REQUESTED_BLOCKS = 256
/** The same for all channels of a lane. */
export const MAX_LANE_BLOCKS = 1024
/** Blocks that the source may still choose on a channel. */
export const MAX_WANTED_BLOCKS = 1024

/** Blocks and pieces that the frames of a second may name: many times what is of use, and little work. */
export const MAX_NAMED_PER_SECOND = 65_536

/** Opening a channel is as much work as so many blocks. */
const JOIN_NAMES = 64

export interface FrameHeader {
  type: number
  flags: number
  channel: number
  /** Bytes of payload that follow. */
  length: number
  a: number
  b: number
}

export function writeHeader(into: Buffer, at: number, header: FrameHeader): void {
  into[at] = header.type
  into[at + 1] = header.flags
  into.writeUInt16BE(header.channel, at + 2)
  into.writeUInt32BE(header.length, at + 4)
  into.writeUInt32BE(header.a, at + 8)
  into.writeUInt32BE(header.b, at + 12)
}

export function readHeader(from: Buffer, at: number): FrameHeader {
  return {
    type: from[at] ?? 0,
    flags: from[at + 1] ?? 0,
    channel: from.readUInt16BE(at + 2),
    length: from.readUInt32BE(at + 4),
    a: from.readUInt32BE(at + 8),
    b: from.readUInt32BE(at + 12),
  }
}

/** The piece numbers of a HAVE's payload; `undefined` when the layer does not have one of them. */
export function readPieces(payload: Buffer, pieceCount: number): number[] | undefined {
  const pieces: number[] = []
  for (let at = 0; at < payload.length; at += 4) {
    const piece = payload.readUInt32BE(at)
    if (piece >= pieceCount) return undefined
    pieces.push(piece)
  }
  return pieces
}

/** Whether a HAVE may be so long. */
export function isHaveLength(length: number): boolean {
  return length > 0 && length <= MAX_CONTROL_BYTES && length % 4 === 0
}

/** How much a frame counts towards {@link MAX_NAMED_PER_SECOND}. */
export function namedBy({ type, length, b }: FrameHeader): number {
  if (type === FRAME.have) return 1 + length / 4
  if (type === FRAME.join) return JOIN_NAMES
  // What a NEED costs depends on the layer, and is counted there.
  if (type === FRAME.need) return 1
  return 1 + b
}

/** Whether a frame names blocks that the layer has, and not too many. */
export function isBlockRange({ a, b }: FrameHeader, blocks: number): boolean {
  return b > 0 && b <= MAX_REQUESTED_BLOCKS && a + b <= blocks
}
