import { promisify } from 'node:util'
import { constants, createZstdDecompress, inflateRaw } from 'node:zlib'
import { FrameStream } from './frame-stream.ts'
import type { Compression } from './header.ts'
import { zstdFrameLength } from './zstd-frame.ts'

const inflateOnce = promisify(inflateRaw)
/** QEMU writes zlib with a window of 2^12 bytes. */
const ZLIB_WINDOW_BITS = 12
/** A frame may ask for more memory than its cluster has bytes; QEMU's never ask for more than 2^21. */
const MAX_ZSTD_WINDOW_BITS = 23
/** As many as the thread pool works on at the same time. Each keeps the memory of the largest window that it met. */
const STREAMS = 4

/** Decompresses clusters of one image, some side by side. */
export class ClusterInflater {
  readonly #compression: Compression
  readonly #clusterBytes: number
  readonly #idle: FrameStream[] = []
  readonly #waiting: ((stream: FrameStream) => void)[] = []
  #lent = 0

  constructor(compression: Compression, clusterBytes: number) {
    this.#compression = compression
    this.#clusterBytes = clusterBytes
  }

  /**
   * The bytes of one compressed cluster. `data` may reach beyond its end: whole sectors are counted. Never gives more than a cluster,
   * whatever the data claims; rejects with the library's error when they are no compressed cluster or a shorter one.
   */
  async inflate(data: Buffer): Promise<Buffer> {
    const cluster = await (this.#compression === 'zlib' ? this.#inflateZlib(data) : this.#inflateZstd(data))
    if (cluster.length !== this.#clusterBytes)
      throw new Error(`${cluster.length} bytes instead of ${this.#clusterBytes}`)
    return cluster
  }

  #inflateZlib(data: Buffer): Promise<Buffer> {
    const maxOutputLength = this.#clusterBytes
    return inflateOnce(data, { windowBits: ZLIB_WINDOW_BITS, maxOutputLength, chunkSize: maxOutputLength })
  }

  async #inflateZstd(data: Buffer): Promise<Buffer> {
    const length = zstdFrameLength(data)
    if (length === undefined) throw new Error('no whole zstd frame')
    const stream = await this.#borrow()
    let isUsable = false
    try {
      const cluster = await stream.run(data.subarray(0, length))
      // One that gave less may still wait for the rest of its frame.
      isUsable = cluster.length === this.#clusterBytes
      return cluster
    } finally {
      this.#giveBack(isUsable ? stream : this.#create())
    }
  }

  #borrow(): FrameStream | Promise<FrameStream> {
    if (this.#lent === STREAMS) return new Promise((resolve) => this.#waiting.push(resolve))
    this.#lent += 1
    return this.#idle.pop() ?? this.#create()
  }

  #giveBack(stream: FrameStream): void {
    const next = this.#waiting.shift()
    if (next !== undefined) next(stream)
    else {
      this.#lent -= 1
      this.#idle.push(stream)
    }
  }

  #create(): FrameStream {
    const params = { [constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW_BITS }
    return new FrameStream(createZstdDecompress({ params, chunkSize: this.#clusterBytes }), this.#clusterBytes)
  }
}
