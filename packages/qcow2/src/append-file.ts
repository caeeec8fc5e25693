import type { RandomWrite } from './random-access.ts'

const BUFFER_BYTES = 1024 * 1024

/** Writes a file front to back in large pieces, however small the parts are. */
export class AppendFile {
  readonly #sink: RandomWrite
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #buffered = 0
  #written: number

  /** `start`: where the first part goes. */
  constructor(sink: RandomWrite, start: number) {
    this.#sink = sink
    this.#written = start
  }

  /** Where the next part goes. */
  get end(): number {
    return this.#written + this.#buffered
  }

  /** Takes what it is given before it settles: the caller may use `bytes` again then. */
  async append(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const taken = bytes.copy(this.#buffer, this.#buffered, at)
      this.#buffered += taken
      at += taken
      if (this.#buffered === this.#buffer.length) await this.flush()
    }
  }

  /** Appends zeros up to the next multiple. */
  async align(multiple: number): Promise<void> {
    const rest = this.end % multiple
    if (rest !== 0) await this.append(Buffer.alloc(multiple - rest))
  }

  async flush(): Promise<void> {
    if (this.#buffered === 0) return
    const [at, bytes] = [this.#written, this.#buffer.subarray(0, this.#buffered)]
    this.#written += bytes.length
    this.#buffered = 0
    await this.#sink.write(at, bytes)
  }
}
