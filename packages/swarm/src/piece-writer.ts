import { type BlockBuffer, blockSize, blocksOfPiece, errorCode, ShoalError } from '@shoal/core'
import type { SwarmLayer } from './swarm-layer.ts'

export interface PieceWriterEvents<Sender> {
  /** A block was verified and written. */
  onWritten(sender: Sender, block: number): void
  /** A block could not be kept for a reason of this machine's; its bytes are gone afterwards. */
  onUnstored(block: number, bytes: Uint8Array): void
  /** All blocks of the piece are present. */
  onStored(piece: number): void
  /** The piece came, and something about it could not be kept. */
  onDiscarded(piece: number): void
  onBadBlock(sender: Sender, block: number): void
  onStoreFailure(error: unknown): void
}

interface Progress {
  writing: number
  isWhole: boolean
}

/** Writes blocks as they come, and says when a piece is complete. */
export class PieceWriter<Sender> {
  readonly #layer: SwarmLayer
  readonly #events: PieceWriterEvents<Sender>
  readonly #pieces = new Map<number, Progress>()
  readonly #idle: (() => void)[] = []
  #writing = 0

  constructor(layer: SwarmLayer, events: PieceWriterEvents<Sender>) {
    this.#layer = layer
    this.#events = events
  }

  /** Takes the buffer over. */
  write(sender: Sender, block: number, buffer: BlockBuffer): void {
    const piece = this.#pieceOf(block)
    const progress = this.#progress(piece)
    progress.writing += 1
    this.#writing += 1
    this.#layer.writeBlock(block, buffer).then(
      () => {
        buffer.release()
        this.#events.onWritten(sender, block)
        this.#onEnd(piece, progress)
      },
      (error: unknown) => {
        const isBad = errorCode(error) === 'SHOAL_STORE_BLOCK_MISMATCH'
        if (!isBad) this.#events.onUnstored(block, buffer.payload(blockSize(this.#layer.manifest, block)))
        buffer.release()
        if (!isBad) this.#events.onStoreFailure(error)
        else this.#events.onBadBlock(sender, error instanceof ShoalError ? Number(error.details.block) : block)
        this.#onEnd(piece, progress)
      },
    )
  }

  /** All blocks of the piece have come, so that it is complete once they are written. */
  onWhole(piece: number): void {
    const progress = this.#progress(piece)
    progress.isWhole = true
    this.#settle(piece, progress)
  }

  /** Resolves when nothing is being written. */
  idle(): Promise<void> {
    if (this.#writing === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  #progress(piece: number): Progress {
    const known = this.#pieces.get(piece)
    if (known !== undefined) return known
    const progress = { writing: 0, isWhole: false }
    this.#pieces.set(piece, progress)
    return progress
  }

  #onEnd(piece: number, progress: Progress): void {
    progress.writing -= 1
    this.#writing -= 1
    this.#settle(piece, progress)
    if (this.#writing === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  #settle(piece: number, progress: Progress): void {
    if (progress.writing > 0) return
    this.#pieces.delete(piece)
    if (this.#isPresent(piece)) this.#events.onStored(piece)
    else if (progress.isWhole) this.#events.onDiscarded(piece)
  }

  #isPresent(piece: number): boolean {
    const { manifest, present } = this.#layer
    const { first, end } = blocksOfPiece(manifest, piece)
    for (let block = first; block < end; block += 1) if (!present.has(block)) return false
    return true
  }

  #pieceOf(block: number): number {
    const { blockLengthBytes, pieceLengthBytes } = this.#layer.manifest
    return Math.floor((block * blockLengthBytes) / pieceLengthBytes)
  }
}
