/** Puts pieces of any length together to buffers of a chosen one. */
export class ByteFiller {
  readonly #pieces: AsyncGenerator<Buffer>
  #left: Buffer = Buffer.alloc(0)

  constructor(pieces: AsyncGenerator<Buffer>) {
    this.#pieces = pieces
  }

  /** Fills all of `into`. Throws what the pieces throw, and a RangeError when there are not enough of them. */
  async fill(into: Buffer): Promise<void> {
    for (let at = 0; at < into.length; ) {
      if (this.#left.length === 0) {
        const { value, done } = await this.#pieces.next()
        if (done === true) throw new RangeError(`the data ended ${into.length - at} bytes too early`)
        this.#left = value
      }
      const taken = this.#left.copy(into, at)
      this.#left = this.#left.subarray(taken)
      at += taken
    }
  }

  /** Nothing more is wanted. */
  async close(): Promise<void> {
    await this.#pieces.return(undefined)
  }
}
