import type { OnReadOpts } from 'node:net'
import { BLOCK_HEADROOM_BYTES, type BlockBuffer, MAX_BLOCK_BYTES } from '@shoal/core'
import type { BlockIntake } from './block-intake.ts'
import { FRAME, type FrameHeader, HEADER_BYTES, isHaveLength, readHeader } from './frame.ts'

/** A block that begins to come. */
export interface IncomingBlock {
  /** Of the whole block. */
  readonly length: number
  readonly isUrgent: boolean
  /** Whether it goes into a buffer; otherwise its bytes are passed over. */
  readonly isTaken: boolean
  /** Some of its bytes came. */
  onBytes(bytes: number): void
  /** It is whole. Whoever is called releases the buffer, which is there when the block is taken. */
  onWhole(buffer: BlockBuffer | undefined): void
}

/** What the frames of a source mean. */
export interface LaneFrames {
  /** Where the block goes whose first frame this is; `undefined` when it must not come. */
  onBlock(header: FrameHeader): IncomingBlock | undefined
  /** Whether what comes on a channel is of no interest any more. */
  isLeft(channel: number): boolean
  /** Any other frame; false when it must not come. */
  onControl(header: FrameHeader, payload: Buffer): boolean
  /** The source broke the rules. */
  onBroken(): void
}

interface Partial {
  readonly channel: number
  readonly block: number
  readonly incoming: IncomingBlock
  buffer: BlockBuffer | undefined
  gotBytes: number
}

type Mode = 'header' | 'control' | 'block' | 'pass-over'

const NOTHING = Buffer.alloc(0)
/** Frames are read so many bytes at a time: small ones come together in one read, and of a block its first bytes are copied. */
const STAGE_BYTES = 2048
/** What is passed over goes here, from whichever lane: nobody looks at it. */
const passedOver = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * Reads frames from a socket so that it writes payload straight into block buffers, but for a block's first bytes: nothing is
 * allocated a read. It stops reading before a block for which there is no buffer.
 */
export class LaneReceiver {
  readonly #intake: BlockIntake
  readonly #frames: LaneFrames
  readonly #head = Buffer.alloc(HEADER_BYTES)
  /** Where headers come in, with what comes after them, and what comes when there is no buffer yet. */
  readonly #stage = Buffer.alloc(STAGE_BYTES)
  /** What came after the header of a block that waits for its buffer. */
  #rest = NOTHING
  #source: { resume(): void } | undefined
  #mode: Mode = 'header'
  #header: FrameHeader | undefined
  #control: Buffer = NOTHING
  /** Bytes of the header or of the payload that are still to come. */
  #leftBytes = HEADER_BYTES
  #partial: Partial | undefined
  #isWaiting = false
  #isClosed = false
  /** Blocks that began to come. */
  begunBlocks = 0
  /** All bytes that came: shows that something moves. */
  receivedBytes = 0

  constructor(intake: BlockIntake, frames: LaneFrames) {
    this.#intake = intake
    this.#frames = frames
  }

  /** For `net.connect`. */
  readonly onread: OnReadOpts = {
    buffer: () => this.#target(),
    callback: (bytes, target) => this.#onRead(bytes, target),
  }

  /** What is to go on when there is a buffer again. */
  attach(source: { resume(): void }): void {
    this.#source = source
  }

  /** Payload of a block that comes next; 0 when a frame does. */
  get duePayloadBytes(): number {
    return this.#mode === 'block' || this.#mode === 'pass-over' ? this.#leftBytes : 0
  }

  /** False when it waits for a buffer, or is closed. */
  get wantsMore(): boolean {
    return !this.#isWaiting && !this.#isClosed
  }

  /** Whether the rest of a frame is due. */
  get isMidFrame(): boolean {
    return !this.#isWaiting && (this.#mode !== 'header' || this.#leftBytes < HEADER_BYTES)
  }

  /** Whether the rest of a block is due. */
  get isMidBlock(): boolean {
    return !this.#isWaiting && this.#partial !== undefined
  }

  /** Nobody is interested in a channel's blocks any more. */
  leave(channel: number): void {
    const partial = this.#partial
    if (partial === undefined || partial.channel !== channel) return
    // The socket may be about to write to the buffer: it is kept until the frame ends.
    if (this.#mode === 'block' && !this.#isWaiting) return
    this.#drop()
    if (this.#mode === 'block') this.#mode = 'pass-over'
    this.#resume()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#drop()
  }

  #target(): Buffer {
    if (this.#isWaiting || this.#isClosed) return this.#stage
    if (this.#mode === 'pass-over') return passedOver.subarray(0, Math.min(passedOver.length, this.#leftBytes))
    if (this.#mode !== 'block') return this.#stage
    const { buffer, gotBytes = 0 } = this.#partial ?? {}
    const at = BLOCK_HEADROOM_BYTES + gotBytes
    return buffer?.bytes.subarray(at, at + this.#leftBytes) ?? this.#stage
  }

  #onRead(bytes: number, target: Uint8Array): boolean {
    if (this.#isClosed) return false
    this.receivedBytes += bytes
    const isStaged = target.buffer === this.#stage.buffer
    const isOk = isStaged ? this.#takeStaged(this.#stage.subarray(0, bytes)) : this.#take(bytes)
    if (!isOk) this.#frames.onBroken()
    return isOk && this.wantsMore
  }

  /** Parts of frames, or several of them. */
  #takeStaged(staged: Buffer): boolean {
    for (let at = 0; at < staged.length && !this.#isClosed; ) {
      if (this.#isWaiting) {
        this.#rest = Buffer.concat([this.#rest, staged.subarray(at)])
        return true
      }
      const some = staged.subarray(at, at + this.#leftBytes)
      this.#copy(some)
      if (!this.#take(some.length)) return false
      at += some.length
    }
    return true
  }

  #copy(some: Buffer): void {
    if (this.#mode === 'header') some.copy(this.#head, HEADER_BYTES - this.#leftBytes)
    else if (this.#mode === 'control') some.copy(this.#control, this.#control.length - this.#leftBytes)
    else if (this.#mode === 'block') {
      const { buffer, gotBytes = 0 } = this.#partial ?? {}
      buffer?.bytes.set(some, BLOCK_HEADROOM_BYTES + gotBytes)
    }
  }

  /** So many bytes of the header or payload are where they belong. */
  #take(bytes: number): boolean {
    this.#leftBytes -= bytes
    const partial = this.#partial
    if (partial !== undefined && (this.#mode === 'block' || this.#mode === 'pass-over')) {
      partial.gotBytes += bytes
      partial.incoming.onBytes(bytes)
    }
    return this.#leftBytes > 0 || this.#onEnd()
  }

  /** A header or a payload is whole. */
  #onEnd(): boolean {
    const mode = this.#mode
    if (mode === 'header') return this.#onHeader(readHeader(this.#head, 0))
    this.#expectHeader()
    if (mode === 'control') return this.#header !== undefined && this.#frames.onControl(this.#header, this.#control)
    const partial = this.#partial
    if (partial === undefined) return true
    if (this.#frames.isLeft(partial.channel)) this.#drop()
    else if (partial.gotBytes === partial.incoming.length) {
      this.#partial = undefined
      partial.incoming.onWhole(partial.buffer)
    }
    return true
  }

  #onHeader(header: FrameHeader): boolean {
    this.#header = header
    this.#leftBytes = header.length
    if (header.type === FRAME.block) return this.#onBlock(header)
    if (header.type === FRAME.have) {
      if (!isHaveLength(header.length)) return false
      this.#mode = 'control'
      this.#control = Buffer.allocUnsafe(header.length)
      return true
    }
    if (header.length !== 0) return false
    this.#expectHeader()
    return this.#frames.onControl(header, NOTHING)
  }

  #onBlock(header: FrameHeader): boolean {
    const { channel, length, a: block, b: offset } = header
    if (length === 0 || length > MAX_BLOCK_BYTES) return false
    this.#mode = 'pass-over'
    if (this.#frames.isLeft(channel)) return true
    if (this.#partial === undefined) {
      const incoming = offset === 0 ? this.#frames.onBlock(header) : undefined
      if (incoming === undefined) return false
      this.#partial = { channel, block, incoming, buffer: undefined, gotBytes: 0 }
      this.begunBlocks += 1
    }
    const partial = this.#partial
    if (partial.channel !== channel || partial.block !== block || partial.gotBytes !== offset) return false
    if (offset + length > partial.incoming.length) return false
    if (!partial.incoming.isTaken) return true
    this.#mode = 'block'
    partial.buffer ??= this.#intake.acquire(partial.incoming.isUrgent, this.#onBuffer)
    this.#isWaiting = partial.buffer === undefined
    return true
  }

  readonly #onBuffer = (buffer: BlockBuffer) => {
    if (this.#partial === undefined) return buffer.release()
    this.#partial.buffer = buffer
    this.#resume()
  }

  #resume(): void {
    if (!this.#isWaiting) return
    this.#isWaiting = false
    const rest = this.#rest
    this.#rest = NOTHING
    if (!this.#takeStaged(rest)) this.#frames.onBroken()
    else if (!this.#isWaiting) this.#source?.resume()
  }

  #expectHeader(): void {
    this.#mode = 'header'
    this.#leftBytes = HEADER_BYTES
  }

  #drop(): void {
    this.#intake.giveUp(this.#onBuffer)
    this.#partial?.buffer?.release()
    this.#partial = undefined
  }
}
