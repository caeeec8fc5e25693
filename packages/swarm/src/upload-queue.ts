import { errorCode, pieceCount, pieceSize, type TransferLimits, type TransferPlace } from '@shoal/core'
import type Wire from 'bittorrent-protocol'
import type { SwarmLayer } from './swarm-layer.ts'

/** A wire that asks for more than this at once is not waiting for answers: it is closed. */
const MAX_QUEUED_REQUESTS = 2000
/** BEP 3 leaves it to the client; all known ones refuse requests over 128 KiB. */
export const MAX_REQUEST_BYTES = 128 * 1024
/** Bytes handed to the wire and not yet to the socket; more waits in the queue, so memory stays bounded. */
const MAX_UNSENT_BYTES = 512 * 1024

/** One BEP 3 request and the way to answer it. */
export interface UploadRequest {
  readonly piece: number
  readonly offset: number
  readonly length: number
  readonly respond: (error: Error | null, data?: Uint8Array) => void
}

export interface UploadQueueDeps {
  readonly wire: Wire
  readonly layer: SwarmLayer
  readonly limits: TransferLimits
  readonly where: () => TransferPlace
  readonly onUpload: (bytes: number) => void
}

/** Answers one wire's requests in order, under the upload limit and no faster than the other side takes them. */
export class UploadQueue {
  readonly #deps: UploadQueueDeps
  #queue: UploadRequest[] = []
  #unsentBytes = 0
  #pumping = false
  #wake: (() => void) | undefined
  readonly #closed = new AbortController()

  constructor(deps: UploadQueueDeps) {
    this.#deps = deps
    deps.wire.once('close', () => {
      this.#closed.abort()
      this.#wake?.()
    })
    // Not when it is answered: a request that was cancelled meanwhile is answered with nothing.
    deps.wire.on('upload', (bytes: number) => {
      this.#unsentBytes += bytes
      deps.onUpload(bytes)
    })
  }

  push(request: UploadRequest): void {
    if (!this.#isPossible(request) || this.#queue.length >= MAX_QUEUED_REQUESTS) {
      this.#deps.wire.destroy()
      return
    }
    this.#queue.push(request)
    if (!this.#pumping) void this.#pump()
  }

  cancel(piece: number, offset: number, length: number): void {
    this.#queue = this.#queue.filter(
      (request) => request.piece !== piece || request.offset !== offset || request.length !== length,
    )
  }

  /** Bytes left the wire for the socket. */
  sent(bytes: number): void {
    this.#unsentBytes = Math.max(0, this.#unsentBytes - bytes)
    if (this.#unsentBytes < MAX_UNSENT_BYTES) this.#wake?.()
  }

  async #pump(): Promise<void> {
    this.#pumping = true
    for (let request = this.#queue.shift(); request !== undefined; request = this.#queue.shift()) {
      if (this.#deps.wire.destroyed) break
      while (this.#unsentBytes >= MAX_UNSENT_BYTES && !this.#deps.wire.destroyed) await this.#socketTakesMore()
      await this.#answer(request)
    }
    this.#queue = []
    this.#pumping = false
  }

  async #answer(request: UploadRequest): Promise<void> {
    const { layer, limits } = this.#deps
    const position = request.piece * layer.manifest.pieceLengthBytes + request.offset
    try {
      // Asking for what is not here must not use up what the limit leaves to others.
      if (!this.#isPresent(position, request.length)) throw new Error('absent')
      const where = this.#deps.where()
      if (!limits.tryTakeUp(request.length, { where })) {
        await limits.takeUp(request.length, { where, signal: this.#closed.signal })
      }
      request.respond(null, await layer.read(position, request.length))
    } catch (error) {
      // Absent or unreadable: a fast-extension peer gets a reject (BEP 6), another sees its request time out.
      request.respond(error instanceof Error ? error : new Error(errorCode(error) ?? 'unreadable'))
    }
  }

  /** Whether such bytes exist at all. The library reads the numbers as signed: a length below 0 would fill the bucket. */
  #isPossible({ piece, offset, length }: UploadRequest): boolean {
    const { manifest } = this.#deps.layer
    const isInside = piece >= 0 && piece < pieceCount(manifest) && offset >= 0 && length > 0
    return isInside && length <= MAX_REQUEST_BYTES && offset + length <= pieceSize(manifest, piece)
  }

  #isPresent(position: number, length: number): boolean {
    const { manifest, present } = this.#deps.layer
    const last = Math.floor((position + length - 1) / manifest.blockLengthBytes)
    for (let block = Math.floor(position / manifest.blockLengthBytes); block <= last; block += 1) {
      if (!present.has(block)) return false
    }
    return true
  }

  #socketTakesMore(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
