import { blockCount, blockSize, pieceCount } from '@shoal/core'
import {
  FLAG,
  FRAME,
  type FrameHeader,
  isBlockRange,
  MAX_CONTROL_BYTES,
  MAX_REQUESTED_BLOCKS,
  MAX_WANTED_BLOCKS,
  readPieces,
} from './frame.ts'
import type { FrameWriter } from './frame-writer.ts'
import type { LaneChannel, LaneChannelEvents, LaneLayer } from './lane-channel.ts'
import type { IncomingBlock } from './lane-receiver.ts'
import { RequestedBlocks } from './requested-blocks.ts'

export interface ClientChannelDeps {
  readonly channel: number
  readonly layer: LaneLayer
  readonly events: LaneChannelEvents
  readonly writer: FrameWriter
  /** The user closed it. */
  readonly onLeave: () => void
}

export class ClientChannel implements LaneChannel {
  readonly #deps: ClientChannelDeps
  readonly #blockCount: number
  readonly #requested = new RequestedBlocks()
  #wanted = 0
  /** Closed for the user; the number is in use until the source says CLOSED. */
  isClosed = false

  constructor(deps: ClientChannelDeps) {
    this.#deps = deps
    this.#blockCount = blockCount(deps.layer.geometry)
    deps.writer.push({ type: FRAME.join, channel: deps.channel }, Buffer.from(deps.layer.infoHash, 'hex'))
  }

  get requestedBlocks(): number {
    return this.#requested.count
  }

  get wantedBlocks(): number {
    return this.#wanted
  }

  request(block: number, count: number, { urgent = false }: { urgent?: boolean } = {}): void {
    if (this.isClosed) return
    this.#check(block, count)
    if (this.#requested.count + count > MAX_REQUESTED_BLOCKS) {
      throw new TypeError(`more than ${MAX_REQUESTED_BLOCKS} blocks requested on one lane channel`)
    }
    const flags = urgent ? FLAG.urgent : 0
    const todo = Array.from({ length: count }, (_, index) => this.#requested.request(block + index, urgent))
    this.#pushRuns(block, todo, 'request', { type: FRAME.request, flags })
    this.#pushRuns(block, todo, 'urge', { type: FRAME.urge, flags: 0 })
    // Not only at the end of this turn of the event loop: somebody waits.
    if (urgent) this.#deps.writer.flushSoon()
  }

  cancel(block: number, count: number): void {
    if (this.isClosed) return
    this.#check(block, count)
    const todo = Array.from({ length: count }, (_, index) => this.#requested.cancel(block + index))
    this.#pushRuns(block, todo, true, { type: FRAME.cancel, flags: 0 })
  }

  want(blocks: number): void {
    if (this.isClosed || blocks === 0) return
    if (!Number.isInteger(blocks) || blocks < 0 || this.#wanted + blocks > MAX_WANTED_BLOCKS) {
      throw new TypeError(`${this.#wanted} + ${blocks} blocks wanted on one lane channel`)
    }
    this.#wanted += blocks
    for (let left = blocks; left > 0; left -= MAX_REQUESTED_BLOCKS) {
      const a = Math.min(left, MAX_REQUESTED_BLOCKS)
      this.#deps.writer.push({ type: FRAME.want, channel: this.#deps.channel, a })
    }
  }

  need(pieces: Uint8Array): void {
    if (this.isClosed) return
    const bytes = Math.ceil(pieceCount(this.#deps.layer.geometry) / 8)
    if (pieces.length !== bytes) throw new TypeError(`a bitfield of ${pieces.length} instead of ${bytes} bytes`)
    for (let at = 0; at < bytes; at += MAX_CONTROL_BYTES) {
      const some = Buffer.from(pieces.subarray(at, at + MAX_CONTROL_BYTES))
      this.#deps.writer.push({ type: FRAME.need, channel: this.#deps.channel, a: at * 8 }, some)
    }
  }

  arrived(blocks: number): void {
    if (!this.isClosed) this.#deps.writer.push({ type: FRAME.arrived, channel: this.#deps.channel, a: blocks })
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#deps.writer.push({ type: FRAME.leave, channel: this.#deps.channel })
    this.#deps.onLeave()
  }

  /** CLOSED came, or the lane is gone. */
  end(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#deps.events.onClose()
  }

  /** The first frame of a block; `undefined` when the block was not asked for. */
  onBlock({ flags, a: block }: FrameHeader): IncomingBlock | undefined {
    if (block >= this.#blockCount || (flags & ~FLAG.chosen) !== 0) return undefined
    const { events, layer } = this.#deps
    const length = blockSize(layer.geometry, block)
    const onBytes = (bytes: number) => {
      if (!this.isClosed) events.onBytes(bytes)
    }
    if (flags === FLAG.chosen) {
      if (this.#wanted === 0) return undefined
      this.#wanted -= 1
      return {
        length,
        isTaken: true,
        isUrgent: false,
        onBytes,
        onWhole: (buffer) => buffer !== undefined && events.onBlock(block, buffer, length, true),
      }
    }
    const begun = this.#requested.begin(block)
    if (begun === undefined) return undefined
    return {
      length,
      ...begun,
      onBytes,
      onWhole: (buffer) => {
        const { isWanted, isRepeated } = this.#requested.end(block)
        if (isRepeated) this.#deps.writer.push({ type: FRAME.cancel, channel: this.#deps.channel, a: block, b: 1 })
        if (buffer === undefined) return
        if (isWanted) events.onBlock(block, buffer, length, false)
        else buffer.release()
      },
    }
  }

  /** False when the source must not send this. */
  onControl(header: FrameHeader, payload: Buffer): boolean {
    if (header.type === FRAME.have) {
      const pieces = readPieces(payload, pieceCount(this.#deps.layer.geometry))
      if (pieces !== undefined) this.#deps.events.onHave(pieces)
      return pieces !== undefined
    }
    return header.type === FRAME.reject && isBlockRange(header, this.#blockCount) && this.#onReject(header)
  }

  #onReject({ a: first, b: count }: FrameHeader): boolean {
    let from = first
    const tell = (end: number) => {
      if (end > from && !this.isClosed) this.#deps.events.onReject(from, end - from)
      from = end + 1
    }
    for (let block = first; block < first + count; block += 1) {
      const isMissed = this.#requested.reject(block)
      if (isMissed === undefined) return false
      if (!isMissed) tell(block)
    }
    tell(first + count)
    return true
  }

  /** One frame for each run of blocks for which the same is to be said. */
  #pushRuns<T>(first: number, todo: readonly T[], what: T, frame: { type: number; flags: number }): void {
    let count = 0
    for (let index = 0; index <= todo.length; index += 1) {
      if (index < todo.length && todo[index] === what) {
        count += 1
        continue
      }
      if (count > 0) {
        this.#deps.writer.push({ ...frame, channel: this.#deps.channel, a: first + index - count, b: count })
      }
      count = 0
    }
  }

  #check(block: number, count: number): void {
    const isSane = Number.isInteger(block) && Number.isInteger(count) && block >= 0 && count > 0
    if (isSane && count <= MAX_REQUESTED_BLOCKS && block + count <= this.#blockCount) return
    throw new TypeError(`blocks ${block} + ${count} of ${this.#blockCount}`)
  }
}
