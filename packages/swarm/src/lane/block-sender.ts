import type { Socket } from 'node:net'
import { BLOCK_HEADROOM_BYTES, type BlockBuffer, blockSize, type TransferLimits } from '@shoal/core'
import { FLAG, FRAME, HEADER_BYTES, writeHeader } from './frame.ts'
import type { FrameWriter } from './frame-writer.ts'
import type { LaneOutput } from './lane-output.ts'
import type { NextBlock, UploadChannel } from './upload-channel.ts'

export interface BlockSenderDeps {
  readonly socket: Socket
  /** Leads to the socket. */
  readonly output: LaneOutput
  readonly writer: FrameWriter
  readonly limits: TransferLimits
  /** Aborted when the lane ends. */
  readonly signal: AbortSignal
}

/** A block on its way out. Both callbacks are called once, whatever happens. */
export interface OutgoingBlock {
  readonly channel: UploadChannel
  readonly next: NextBlock
  readonly buffer: BlockBuffer
  /** The socket has all of it, or no more of it will be sent. */
  onHanded(): void
  /** Its buffer is no longer needed. */
  onEnd(): void
}

/** Hands blocks to one lane's socket, one after the other: whole and at once, or under a limit slice by slice. */
export class BlockSender {
  readonly #deps: BlockSenderDeps
  #givenBytes = 0
  #takenBytes = 0

  constructor(deps: BlockSenderDeps) {
    this.#deps = deps
  }

  /** Whether the socket has payload that it did not take yet. */
  get isDue(): boolean {
    return this.#givenBytes > this.#takenBytes
  }

  /** Payload that the socket took so far. */
  get takenBytes(): number {
    return this.#takenBytes
  }

  send(outgoing: OutgoingBlock): void {
    const { channel, next } = outgoing
    const length = blockSize(channel.upload.layer.manifest, next.block)
    // The buffer is needed until the socket took the last slice, even if the block was given up meanwhile.
    let users = 1
    const release = () => {
      users -= 1
      if (users === 0) outgoing.onEnd()
    }
    const write = (offset: number, bytes: number) => {
      users += 1
      this.#write(outgoing, offset, bytes, release)
    }
    const finish = () => {
      outgoing.onHanded()
      release()
    }
    if (this.#deps.limits.isUpLimited(channel.upload.where)) {
      this.#writeSlices(outgoing, length, write).finally(finish)
      return
    }
    if (this.#isOpen(channel)) write(0, length)
    finish()
  }

  async #writeSlices(
    { channel, next }: OutgoingBlock,
    length: number,
    write: (offset: number, bytes: number) => void,
  ): Promise<void> {
    const { limits, signal } = this.#deps
    const { where } = channel.upload
    for (let offset = 0; offset < length; ) {
      const bytes = Math.min(length - offset, limits.sliceBytes(where))
      const isTaken = await limits.takeUp(bytes, { where, urgent: next.isUrgent, signal }).then(
        () => true,
        () => false,
      )
      if (!isTaken || !this.#isOpen(channel)) return
      write(offset, bytes)
      offset += bytes
    }
  }

  #isOpen({ isOpen }: UploadChannel): boolean {
    return isOpen && !this.#deps.signal.aborted
  }

  #write({ channel, next, buffer }: OutgoingBlock, offset: number, length: number, onTaken: () => void): void {
    const { socket, output, writer } = this.#deps
    // The header has memory of its own: the buffer may be under way on other lanes, under other numbers.
    const header = Buffer.allocUnsafe(HEADER_BYTES)
    const flags = next.isChosen ? FLAG.chosen : 0
    writeHeader(header, 0, { type: FRAME.block, flags, channel: channel.channel, length, a: next.block, b: offset })
    const at = BLOCK_HEADROOM_BYTES + offset
    this.#givenBytes += length
    // One system call for header, payload and what is due anyway.
    socket.cork()
    writer.flush()
    output.writeBlock(header, buffer.bytes.subarray(at, at + length), (error) => {
      this.#takenBytes += length
      if (error === null || error === undefined) channel.upload.onUpload(length)
      onTaken()
    })
    socket.uncork()
  }
}
