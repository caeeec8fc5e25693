import type { ZstdCompress, ZstdDecompress } from 'node:zlib'

/**
 * A zstd stream of Node's that works on one frame after the other. A stream for each frame would cost as much again as small frames
 * do: its memory is allocated, cleared and freed each time.
 */
export class FrameStream {
  readonly #stream: ZstdCompress | ZstdDecompress
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #bytes = 0
  #fail: (error: Error) => void = () => {}

  /** `maxBytes`: what one frame may give. Compressing streams have to end a frame at each write (`ZSTD_e_end`). */
  constructor(stream: ZstdCompress | ZstdDecompress, maxBytes: number) {
    this.#stream = stream
    this.#maxBytes = maxBytes
    stream.on('data', (part: Buffer) => this.#add(part))
    // The write's own callback is not called then.
    stream.on('error', (error) => this.#fail(error))
  }

  /**
   * What becomes of one frame; the next only when that is done. Rejects with the library's error, or a RangeError when it gives too much;
   * then, and after half a frame, the stream is of no more use.
   */
  run(frame: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#fail = reject
      this.#stream.write(frame, (error) => {
        if (error instanceof Error) reject(error)
        else resolve(this.#take())
      })
    })
  }

  #add(part: Buffer): void {
    this.#bytes += part.length
    if (this.#bytes <= this.#maxBytes) this.#parts.push(part)
    else {
      this.#fail(new RangeError(`more than ${this.#maxBytes} bytes`))
      this.#stream.destroy()
    }
  }

  #take(): Buffer {
    const [only, more] = this.#parts
    const whole = only !== undefined && more === undefined ? only : Buffer.concat(this.#parts)
    this.#parts = []
    this.#bytes = 0
    return whole
  }
}
