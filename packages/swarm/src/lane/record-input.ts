import type { OnReadOpts } from 'node:net'
import { RECORD_LENGTH_BYTES, RECORD_TAG_BYTES } from '../auth/record-key.ts'
import { type OpeningRecord, RecordOpener } from '../auth/record-opener.ts'
import type { DirectionKey } from '../auth/session-keys.ts'

/** Takes what is in the records. */
export interface FrameSink {
  readonly onread: OnReadOpts
  /** Payload of a BLOCK that comes next; 0 when a frame does. */
  readonly duePayloadBytes: number
  /** False when nothing more is to be given, now or ever. */
  readonly wantsMore: boolean
}

const NOTHING = Buffer.alloc(0)
/** Small records, and what is around large ones, come together in one read. */
const STAGE_BYTES = 2048

/**
 * Frames of a source that come in records. Payload has a record of its own: the socket writes it to where the receiver wants it, there it is
 * opened, and the receiver is told of its last bytes when its tag is right.
 */
export class RecordInput {
  readonly #sink: FrameSink
  readonly #opener: RecordOpener
  readonly #stage = Buffer.alloc(STAGE_BYTES)
  /** What came behind the header of a block that waits for its buffer. */
  #rest: Buffer = NOTHING
  /** Length or tag of a payload's record, as far as it is here. */
  readonly #edge = Buffer.alloc(Math.max(RECORD_LENGTH_BYTES, RECORD_TAG_BYTES))
  #edgeBytes = 0
  /** Of the payload that is coming. */
  #opening: OpeningRecord | undefined
  #leftBytes = 0
  /** Opened payload of which the receiver does not know yet. */
  #untold: Uint8Array = NOTHING

  constructor(sink: FrameSink, key: DirectionKey) {
    this.#sink = sink
    this.#opener = new RecordOpener(key)
  }

  /** Whether the rest of a record is due. */
  get isMidRecord(): boolean {
    return this.#opener.isMidRecord || this.#edgeBytes > 0 || this.#opening !== undefined
  }

  /** Where the socket writes. */
  target(): Uint8Array {
    return this.#leftBytes > 0 ? this.#place() : this.#stage
  }

  /** So many bytes are there; false when they are not the source's. */
  took(bytes: number, target: Uint8Array): boolean {
    if (target.buffer !== this.#stage.buffer) return this.#takePayload(target.subarray(0, bytes))
    return this.#takeStaged(this.#stage.subarray(0, bytes))
  }

  /** Goes on with what came while the receiver wanted nothing; false when it is not the source's. */
  resume(): boolean {
    const rest = this.#rest
    this.#rest = NOTHING
    return this.#takeStaged(rest)
  }

  #takeStaged(staged: Buffer): boolean {
    for (let at = 0; at < staged.length; ) {
      if (!this.#sink.wantsMore) {
        this.#rest = Buffer.concat([this.#rest, staged.subarray(at)])
        return true
      }
      const taken = this.#takeSome(staged.subarray(at))
      if (taken === 0) return false
      at += taken
    }
    return true
  }

  /** How many of the bytes it took; none when they are not the source's. */
  #takeSome(staged: Buffer): number {
    if (this.#leftBytes > 0) {
      const place = this.#place()
      const some = staged.subarray(0, place.length)
      place.set(some)
      return this.#takePayload(place.subarray(0, some.length)) ? some.length : 0
    }
    if (this.#opening !== undefined) return this.#takeEdge(staged, RECORD_TAG_BYTES, (tag) => this.#end(tag))
    if (this.#sink.duePayloadBytes > 0) {
      return this.#takeEdge(staged, RECORD_LENGTH_BYTES, (lengthField) => this.#begin(lengthField))
    }
    return this.#takeFrames(staged)
  }

  #takeFrames(staged: Buffer): number {
    const target = this.#opener.target()
    const some = staged.subarray(0, target.length)
    target.set(some)
    const frames = this.#opener.took(some.length)
    if (frames === false) return 0
    if (frames !== undefined) this.#pass(frames)
    return some.length
  }

  /** All of a record, also to a receiver that waits: it keeps what it cannot place. */
  #pass(frames: Buffer): void {
    for (let at = 0; at < frames.length; ) {
      const target = bufferOf(this.#sink)
      const some = frames.subarray(at, at + target.length)
      target.set(some)
      at += some.length
      this.#sink.onread.callback(some.length, target)
    }
  }

  #takeEdge(staged: Buffer, edgeBytes: number, onWhole: (edge: Buffer) => boolean): number {
    const some = staged.subarray(0, edgeBytes - this.#edgeBytes)
    some.copy(this.#edge, this.#edgeBytes)
    this.#edgeBytes += some.length
    if (this.#edgeBytes < edgeBytes) return some.length
    this.#edgeBytes = 0
    return onWhole(this.#edge.subarray(0, edgeBytes)) ? some.length : 0
  }

  #begin(lengthField: Buffer): boolean {
    if (lengthField.readUInt32BE(0) !== this.#sink.duePayloadBytes) return false
    this.#leftBytes = this.#sink.duePayloadBytes
    this.#opening = this.#opener.openInPlace(lengthField)
    return this.#opening !== undefined
  }

  /** Where the next of the payload goes: no more than is left of it. */
  #place(): Uint8Array {
    return bufferOf(this.#sink).subarray(0, this.#leftBytes)
  }

  #takePayload(bytes: Uint8Array): boolean {
    if (this.#opening === undefined) return false
    this.#opening.open(bytes)
    this.#leftBytes -= bytes.length
    if (this.#leftBytes === 0) this.#untold = bytes
    else this.#sink.onread.callback(bytes.length, bytes)
    return true
  }

  #end(tag: Buffer): boolean {
    if (this.#opening?.isGenuine(tag) !== true) return false
    this.#opening = undefined
    const untold = this.#untold
    this.#untold = NOTHING
    this.#sink.onread.callback(untold.length, untold)
    return true
  }
}

function bufferOf({ onread: { buffer } }: FrameSink): Uint8Array {
  return typeof buffer === 'function' ? buffer() : buffer
}
