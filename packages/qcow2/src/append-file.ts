import type { RandomWrite } from './random-access.ts'

const BUFFER_BYTES = 1024 * 1024

/** Writes a file front to back in large pieces, however small the parts are. */
export class AppendFile {
  readonly #sink: RandomWrite
  #parts: Buffer[] = []
  #partsBytes = 0
  #written: number

  /** `start`: where the first part goes. */
  constructor(sink: RandomWrite, start: number) {
    this.#sink = sink
    this.#written = start
  }

  /** Where the next part goes. */
  get end(): number {
    return this.#written + this.#partsBytes
  }

  async append(bytes: Buffer): Promise<void> {
    this.#parts.push(bytes)
    this.#partsBytes += bytes.length
    if (this.#partsBytes >= BUFFER_BYTES) await this.flush()
  }

  /** Appends zeros up to the next multiple. */
  async align(multiple: number): Promise<void> {
    const rest = this.end % multiple
    if (rest !== 0) await this.append(Buffer.alloc(multiple - rest))
  }

  async flush(): Promise<void> {
    const bytes = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts)
    this.#parts = []
    this.#partsBytes = 0
    if (bytes === undefined || bytes.length === 0) return
    const at = this.#written
    this.#written += bytes.length
    await this.#sink.write(at, bytes)
  }
}
