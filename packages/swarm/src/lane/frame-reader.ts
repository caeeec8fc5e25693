import { FRAME, type FrameHeader, HEADER_BYTES, INFO_HASH_BYTES, MAX_CONTROL_BYTES, readHeader } from './frame.ts'

/** Cuts what a client sends into frames. None is longer than 64 KiB and a header, so memory is bounded. */
export class FrameReader {
  readonly #onFrame: (header: FrameHeader, payload: Buffer) => boolean
  #rest: Buffer = Buffer.alloc(0)
  /** Bytes that the frame at the start of `rest` needs. */
  #needed = HEADER_BYTES

  /** `onFrame` returns false when nothing more is to be read. */
  constructor(onFrame: (header: FrameHeader, payload: Buffer) => boolean) {
    this.#onFrame = onFrame
  }

  /** Whether a frame has begun. */
  get isMidFrame(): boolean {
    return this.#rest.length > 0
  }

  /** False when the bytes are no frames, or `onFrame` said so. */
  read(chunk: Buffer): boolean {
    if (this.#rest.length + chunk.length < this.#needed) {
      this.#rest = Buffer.concat([this.#rest, chunk])
      return true
    }
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    this.#needed = HEADER_BYTES
    while (bytes.length - at >= HEADER_BYTES) {
      const header = readHeader(bytes, at)
      if (!isClientLength(header)) return false
      const end = at + HEADER_BYTES + header.length
      if (end > bytes.length) {
        this.#needed = end - at
        break
      }
      if (!this.#onFrame(header, bytes.subarray(at + HEADER_BYTES, end))) return false
      at = end
    }
    // A copy: a few bytes must not hold the whole chunk.
    this.#rest = Buffer.from(bytes.subarray(at))
    return true
  }
}

function isClientLength({ type, length }: FrameHeader): boolean {
  if (type === FRAME.need) return length > 0 && length <= MAX_CONTROL_BYTES
  return length === (type === FRAME.join ? INFO_HASH_BYTES : 0)
}
