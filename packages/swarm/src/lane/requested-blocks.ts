interface Requested {
  /** Answers that are still to begin: more than one when the block was cancelled and asked for again. */
  answers: number
  isWanted: boolean
  isUrgent: boolean
  /** The source may have a request for it that waits: then it must not be sent another. */
  isWaiting: boolean
  /** Its bytes are on the way into a buffer. */
  isComing: boolean
}

/** What a client asked for on a channel and which answers are due: exactly one for each request. */
export class RequestedBlocks {
  readonly #blocks = new Map<number, Requested>()
  #wanted = 0

  /** Blocks that are asked for, without the cancelled. */
  get count(): number {
    return this.#wanted
  }

  /** What has to be sent for this block. */
  request(block: number, isUrgent: boolean): 'request' | 'urge' | 'nothing' {
    const known = this.#blocks.get(block)
    if (known === undefined) {
      this.#blocks.set(block, { answers: 1, isWanted: true, isUrgent, isWaiting: true, isComing: false })
      this.#wanted += 1
      return 'request'
    }
    if (known.isWanted) {
      if (!isUrgent || known.isUrgent) return 'nothing'
      known.isUrgent = true
      return known.isWaiting ? 'urge' : 'nothing'
    }
    this.#wanted += 1
    known.isWanted = true
    known.isUrgent = isUrgent
    // It was cancelled too late: its bytes come just now.
    if (known.isComing) return 'nothing'
    known.answers += 1
    known.isWaiting = true
    return 'request'
  }

  /** True when the source has to be told. */
  cancel(block: number): boolean {
    const known = this.#blocks.get(block)
    if (known === undefined || !known.isWanted) return false
    known.isWanted = false
    this.#wanted -= 1
    const isTold = known.isWaiting
    known.isWaiting = false
    return isTold
  }

  /** The block begins to come; `undefined` when it must not. */
  begin(block: number): { isTaken: boolean; isUrgent: boolean } | undefined {
    const known = this.#blocks.get(block)
    if (known === undefined || known.answers === 0) return undefined
    known.answers -= 1
    if (known.answers === 0) known.isWaiting = false
    known.isComing = known.isWanted
    return { isTaken: known.isWanted, isUrgent: known.isUrgent }
  }

  /** The block is here. `isWanted`: still; `isRepeated`: a second request for it waits and has to be cancelled. */
  end(block: number): { isWanted: boolean; isRepeated: boolean } {
    const known = this.#blocks.get(block)
    if (known === undefined) return { isWanted: false, isRepeated: false }
    const isWanted = known.isComing && known.isWanted
    known.isComing = false
    if (isWanted) {
      known.isWanted = false
      this.#wanted -= 1
    }
    const isRepeated = known.isWaiting && !known.isWanted
    if (isRepeated) known.isWaiting = false
    if (known.answers === 0) this.#blocks.delete(block)
    return { isWanted, isRepeated }
  }

  /** The block will not come: whether somebody still waits for it; `undefined` when there was nothing to reject. */
  reject(block: number): boolean | undefined {
    const known = this.#blocks.get(block)
    if (known === undefined || known.answers === 0) return undefined
    known.answers -= 1
    if (known.answers > 0) return false
    known.isWaiting = false
    if (known.isComing) return false
    this.#blocks.delete(block)
    if (known.isWanted) this.#wanted -= 1
    return known.isWanted
  }
}
