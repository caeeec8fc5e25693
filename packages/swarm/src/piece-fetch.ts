import type Wire from 'bittorrent-protocol'

export interface PieceFetchDeps {
  readonly wire: Wire
  readonly piece: number
  readonly sizeBytes: number
  /** Largest request the other side answers. */
  readonly requestLengthBytes: number
  readonly onBytes: (bytes: number) => void
  /** The whole piece arrived; nothing about it is verified yet. */
  readonly onDone: (data: Buffer) => void
  /** The source refused a part, timed out, choked or went. */
  readonly onFail: () => void
}

/** One piece asked of one source: its requests go out together, its bytes come into one buffer. */
export class PieceFetch {
  readonly #deps: PieceFetchDeps
  #isEnded = false
  #missingBytes: number

  constructor(deps: PieceFetchDeps) {
    this.#deps = deps
    this.#missingBytes = deps.sizeBytes
  }

  start(): void {
    const { wire, piece, sizeBytes, requestLengthBytes } = this.#deps
    const data = Buffer.allocUnsafeSlow(sizeBytes)
    for (let offset = 0; offset < sizeBytes && !this.#isEnded; offset += requestLengthBytes) {
      const length = Math.min(requestLengthBytes, sizeBytes - offset)
      wire.request(piece, offset, length, (error, chunk) => this.#receive(data, offset, length, error, chunk))
    }
  }

  /** Ends the fetch without a word to its owner; the source is told where requests are still open. */
  cancel(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    const { wire, piece, sizeBytes, requestLengthBytes } = this.#deps
    if (wire.destroyed || this.#missingBytes === 0) return
    for (let offset = 0; offset < sizeBytes; offset += requestLengthBytes) {
      wire.cancel(piece, offset, Math.min(requestLengthBytes, sizeBytes - offset))
    }
  }

  #receive(data: Buffer, offset: number, length: number, error: Error | null, chunk: Uint8Array | null): void {
    if (error === null && chunk !== null) this.#deps.onBytes(chunk.length)
    if (this.#isEnded) return
    if (error !== null || chunk === null || chunk.length !== length) {
      this.#isEnded = true
      this.#deps.onFail()
      return
    }
    data.set(chunk, offset)
    this.#missingBytes -= length
    if (this.#missingBytes > 0) return
    this.#isEnded = true
    this.#deps.onDone(data)
  }
}
