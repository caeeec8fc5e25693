import type { RequestHeader } from './request-reader.ts'

/** Who works on requests. */
export interface TaskOwner {
  onRead(task: RequestTask): void
  onFailed(task: RequestTask, error: unknown): void
  onSent(task: RequestTask): void
}

const NO_BUFFER = Buffer.alloc(0)

/**
 * A request from its header until its reply has left. It is used again for another one, and its callbacks are made once, so that a
 * read costs no closures.
 */
export class RequestTask {
  cookieHigh = 0
  cookieLow = 0
  flags = 0
  type = 0
  offset = 0
  length = 0
  /** Headroom and data of the reply; empty when there is none. */
  buffer: Buffer = NO_BUFFER
  /** What was taken of the limits for it. */
  takenBytes = 0
  readonly onRead: () => void
  readonly onFailed: (error: unknown) => void
  readonly onSent: () => void

  constructor(owner: TaskOwner) {
    this.onRead = () => owner.onRead(this)
    this.onFailed = (error) => owner.onFailed(this, error)
    this.onSent = () => owner.onSent(this)
  }

  begin(header: RequestHeader, takenBytes: number): void {
    this.cookieHigh = header.cookieHigh
    this.cookieLow = header.cookieLow
    this.flags = header.flags
    this.type = header.type
    this.offset = header.offset
    this.length = header.length
    this.takenBytes = takenBytes
  }

  /** Ends the use of the buffer, and gives it. */
  takeBuffer(): Buffer | undefined {
    const { buffer } = this
    this.buffer = NO_BUFFER
    return buffer === NO_BUFFER ? undefined : buffer
  }
}
