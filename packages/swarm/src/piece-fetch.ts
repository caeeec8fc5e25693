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
  readonly #end = new AbortController()
  #startedAt: number | undefined
  #missingBytes: number

  constructor(deps: PieceFetchDeps) {
    this.#deps = deps
    this.#missingBytes = deps.sizeBytes
  }

  /** When its requests went out; `undefined` while it waits for the download limit. */
  get startedAt(): number | undefined {
    return this.#startedAt
  }

  /** Aborts when the fetch has ended, one way or the other. */
  get signal(): AbortSignal {
    return this.#end.signal
  }

  get piece(): number {
    return this.#deps.piece
  }

  get sizeBytes(): number {
    return this.#deps.sizeBytes
  }

  start(now: number): void {
    if (this.#ended) return
    this.#startedAt = now
    const { wire, piece, sizeBytes, requestLengthBytes } = this.#deps
    const data = Buffer.allocUnsafeSlow(sizeBytes)
    for (let offset = 0; offset < sizeBytes && !this.#ended; offset += requestLengthBytes) {
      const length = Math.min(requestLengthBytes, sizeBytes - offset)
      wire.request(piece, offset, length, (error, chunk) => this.#receive(data, offset, length, error, chunk))
    }
  }

  /** Ends the fetch without a word to its owner; the source is told where requests are still open. */
  cancel(): void {
    if (this.#ended) return
    this.#end.abort()
    const { wire, piece, sizeBytes, requestLengthBytes } = this.#deps
    if (wire.destroyed || this.#missingBytes === 0 || this.#startedAt === undefined) return
    for (let offset = 0; offset < sizeBytes; offset += requestLengthBytes) {
      wire.cancel(piece, offset, Math.min(requestLengthBytes, sizeBytes - offset))
    }
  }

  get #ended(): boolean {
    return this.#end.signal.aborted
  }

  #receive(data: Buffer, offset: number, length: number, error: Error | null, chunk: Uint8Array | null): void {
    if (error === null && chunk !== null) this.#deps.onBytes(chunk.length)
    if (this.#ended) return
    if (error !== null || chunk === null || chunk.length !== length) {
      this.#end.abort()
      this.#deps.onFail()
      return
    }
    data.set(chunk, offset)
    this.#missingBytes -= length
    if (this.#missingBytes > 0) return
    this.#end.abort()
    this.#deps.onDone(data)
  }
}
