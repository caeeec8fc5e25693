import { HEADER_BYTES, MAX_CONTROL_BYTES, writeHeader } from './frame.ts'
import type { FrameOutput } from './lane-output.ts'

export interface ControlFrame {
  readonly type: number
  readonly channel: number
  readonly flags?: number
  readonly a?: number
  readonly b?: number
}

/**
 * Small frames of one lane. Those of one turn of the event loop go out in one write: a write of 16 bytes costs as much
 * as one of a whole block.
 */
export class FrameWriter {
  readonly #output: FrameOutput
  #frames: Buffer[] = []
  #flushing: NodeJS.Immediate | undefined
  #unsentBytes = 0
  #sentBytes = 0
  #isClosed = false

  constructor(output: FrameOutput) {
    this.#output = output
  }

  /** Bytes of frames that the socket has not taken yet. */
  get unsentBytes(): number {
    return this.#unsentBytes
  }

  /** Bytes of frames that the socket took so far. */
  get sentBytes(): number {
    return this.#sentBytes
  }

  push({ type, channel, flags = 0, a = 0, b = 0 }: ControlFrame, payload?: Buffer): void {
    if (this.#isClosed) return
    const length = payload?.length ?? 0
    const frame = Buffer.allocUnsafe(HEADER_BYTES + length)
    writeHeader(frame, 0, { type, flags, channel, length, a, b })
    payload?.copy(frame, HEADER_BYTES)
    this.#unsentBytes += frame.length
    this.#frames.push(frame)
    this.#flushing ??= setImmediate(() => this.flush())
  }

  /** HAVE frames, as many as the pieces need. */
  pushHave(type: number, channel: number, pieces: readonly number[]): void {
    const perFrame = MAX_CONTROL_BYTES / 4
    for (let first = 0; first < pieces.length; first += perFrame) {
      const some = pieces.slice(first, first + perFrame)
      const payload = Buffer.allocUnsafe(some.length * 4)
      for (const [index, piece] of some.entries()) payload.writeUInt32BE(piece, index * 4)
      this.push({ type, channel }, payload)
    }
  }

  /** Writes what is due as soon as the caller is done, not only after other events of this turn. */
  flushSoon(): void {
    if (this.#frames.length > 0) queueMicrotask(() => this.flush())
  }

  /** Writes what is due now: when it cannot wait, or when something else is written anyway. */
  flush(): void {
    if (this.#flushing !== undefined) clearImmediate(this.#flushing)
    this.#flushing = undefined
    const [first, ...others] = this.#frames
    if (first === undefined) return
    const bytes = others.length === 0 ? first : Buffer.concat(this.#frames)
    this.#frames = []
    this.#output.write(bytes, () => {
      this.#unsentBytes -= bytes.length
      this.#sentBytes += bytes.length
    })
  }

  close(): void {
    this.#isClosed = true
    if (this.#flushing !== undefined) clearImmediate(this.#flushing)
    this.#flushing = undefined
    this.#frames = []
  }
}
