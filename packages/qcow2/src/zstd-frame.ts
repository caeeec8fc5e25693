const MAGIC = 0xfd2fb528
const BLOCK_HEADER_BYTES = 3
const RLE = 1
const RESERVED = 3

/**
 * The length of the zstd frame that some bytes begin with, by its header and the headers of its blocks (RFC 8878, section 3.1.1), so that
 * what follows it is not given to the library, which would take it for another frame. `undefined` when there is no whole frame.
 */
export function zstdFrameLength(data: Buffer): number | undefined {
  if (data.length < 5 || data.readUInt32LE(0) !== MAGIC) return undefined
  const descriptor = data.readUInt8(4)
  const isSingleSegment = (descriptor & 0x20) !== 0
  const sizeFlag = descriptor >> 6
  const sizeBytes = sizeFlag === 0 ? Number(isSingleSegment) : 2 ** sizeFlag
  const dictionaryFlag = descriptor & 3
  const dictionaryBytes = dictionaryFlag === 3 ? 4 : dictionaryFlag
  let at = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes + sizeBytes
  for (let isLast = false; !isLast; ) {
    if (at + BLOCK_HEADER_BYTES > data.length) return undefined
    const header = data.readUIntLE(at, BLOCK_HEADER_BYTES)
    const type = (header >> 1) & 3
    if (type === RESERVED) return undefined
    isLast = (header & 1) === 1
    at += BLOCK_HEADER_BYTES + (type === RLE ? 1 : header >> 3)
  }
  const hasChecksum = (descriptor & 4) !== 0
  at += hasChecksum ? 4 : 0
  return at <= data.length ? at : undefined
}
