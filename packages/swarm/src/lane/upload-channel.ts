import { blockCount, pieceCount } from '@shoal/core'
import { MAX_REQUESTED_BLOCKS, MAX_WANTED_BLOCKS } from './frame.ts'
import type { LaneUpload } from './lane-upload.ts'

/** A bitfield is little work, but not none. */
const PIECES_PER_NAME = 128

/** What a read may take with it. */
const MAX_AHEAD = 3

/** A block that is to be sent next on a channel. */
export interface NextBlock {
  readonly block: number
  readonly isUrgent: boolean
  readonly isChosen: boolean
  /** How many of the blocks right after it are asked for as well. */
  readonly ahead: number
}

/** What a client asked for on one channel and what it leaves to the source's choice. */
export class UploadChannel {
  readonly channel: number
  readonly upload: LaneUpload
  readonly blockCount: number
  isOpen = true
  /** In the order of their coming. */
  readonly #urgent = new Set<number>()
  readonly #ordinary = new Set<number>()
  #wanted = 0
  /** Whether the source had something when it was last asked, or was woken since. */
  #mayChoose = true
  /** Blocks of the source's choice that the client did not say arrived. */
  #unconfirmed = 0
  #need: Buffer | undefined

  constructor(channel: number, upload: LaneUpload) {
    this.channel = channel
    this.upload = upload
    this.blockCount = blockCount(upload.layer.manifest)
  }

  /** Blocks that wait. */
  get requestedBlocks(): number {
    return this.#urgent.size + this.#ordinary.size
  }

  /** How much a NEED counts towards what a second's frames may name. */
  get needNames(): number {
    return Math.ceil(pieceCount(this.upload.layer.manifest) / PIECES_PER_NAME)
  }

  /** How pressing its next block is: lower goes first. `undefined` when it has none. */
  get rank(): number | undefined {
    if (this.#urgent.size > 0) return 0
    if (this.#ordinary.size > 0) return 1
    return this.#wanted > 0 && this.#mayChoose ? 2 : undefined
  }

  /** False when the client must not ask for these. */
  request(first: number, count: number, isUrgent: boolean): boolean {
    if (this.requestedBlocks + count > MAX_REQUESTED_BLOCKS) return false
    for (let block = first; block < first + count; block += 1) {
      if (this.#urgent.has(block) || this.#ordinary.has(block)) return false
      const line = isUrgent ? this.#urgent : this.#ordinary
      line.add(block)
    }
    return true
  }

  /** Takes a request back; true if it waited. */
  cancel(block: number): boolean {
    return this.#urgent.delete(block) || this.#ordinary.delete(block)
  }

  urge(block: number): void {
    if (this.#ordinary.delete(block)) this.#urgent.add(block)
  }

  /** False when the client must not leave so many open. */
  want(blocks: number): boolean {
    this.#wanted += blocks
    this.#mayChoose = true
    return this.#wanted <= MAX_WANTED_BLOCKS
  }

  /** A block that was chosen cannot be sent. No other is chosen before somebody says something: it might be the same again. */
  unchoose(): void {
    this.#wanted += 1
    this.#unconfirmed -= 1
    this.#mayChoose = false
  }

  /** False when more are said to have arrived than were sent. */
  arrived(blocks: number): boolean {
    if (blocks > this.#unconfirmed) return false
    this.#unconfirmed -= blocks
    this.#mayChoose = true
    this.upload.onArrived(blocks)
    return true
  }

  /** The client needs these pieces from `first` on; false when the layer does not have them. */
  need(first: number, bits: Buffer): boolean {
    const bytes = Math.ceil(pieceCount(this.upload.layer.manifest) / 8)
    if (first % 8 !== 0 || first / 8 + bits.length > bytes) return false
    this.#need ??= Buffer.alloc(bytes)
    bits.copy(this.#need, first / 8)
    this.#mayChoose = true
    this.upload.onNeed(this.#need)
    return true
  }

  wake(): void {
    this.#mayChoose = true
  }

  /** Takes the next block out; `undefined` when there is none after all. */
  next(): NextBlock | undefined {
    const line = this.#urgent.size > 0 ? this.#urgent : this.#ordinary
    const [first] = line
    if (first !== undefined) {
      line.delete(first)
      let ahead = 0
      while (ahead < MAX_AHEAD && line.has(first + ahead + 1)) ahead += 1
      return { block: first, isUrgent: line === this.#urgent, isChosen: false, ahead }
    }
    if (this.#wanted === 0 || !this.#mayChoose) return undefined
    const block = this.upload.choose()
    this.#mayChoose = block !== undefined
    if (block === undefined) return undefined
    this.#wanted -= 1
    this.#unconfirmed += 1
    return { block, isUrgent: false, isChosen: true, ahead: 0 }
  }
}
