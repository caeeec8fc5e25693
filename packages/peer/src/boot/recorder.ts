import type { Clock } from '@shoal/core'
import { type BootRead, writeBootProfile } from '@shoal/qcow2'

export interface BootRecorderOptions {
  /** The id of the image that boots, or the digest of its topmost layer. */
  readonly recordedOn: string
  readonly virtualSizeBytes: number
  /** From the first read on; what a machine reads later is its work, not its boot. */
  readonly maxMs?: number
  /** A machine that has read nothing for so long has booted. */
  readonly quietMs?: number
  /** Less is no boot: somebody has looked at the disk. */
  readonly minBytes?: number
}

/** So long a boot takes at most, for all that counts its reads. */
export const MAX_BOOT_MS = 3 * 60_000
/** A machine that has read nothing for so long has booted. */
export const QUIET_MS = 30_000
/** Tools that look what a disk is read some sectors; a kernel alone is many times as large. */
export const MIN_BOOT_BYTES = 256 * 1024
/** Of a read, by the format. */
const MAX_READ_BYTES = 2 ** 25
/** What the API takes: 2 MiB, at 33 characters for the longest line. A boot has some ten thousand. */
const MAX_READS = 60_000

/**
 * Records what a machine reads of its disk while it boots (docs/formats/boot-profile.md). A read that goes on where
 * the one before ended is noted as one with it: the order of bytes is what counts. It is called for every read of the
 * guest, so that it only notes it.
 */
export class BootRecorder {
  readonly #clock: Clock
  readonly #options: Required<BootRecorderOptions>
  readonly #over = new AbortController()
  readonly #result = Promise.withResolvers<string | undefined>()
  #reads: BootRead[] = []
  #readBytes = 0
  #firstMs: number | undefined
  #lastMs = 0

  constructor({ clock }: { clock: Clock }, options: BootRecorderOptions) {
    this.#clock = clock
    this.#options = { maxMs: MAX_BOOT_MS, quietMs: QUIET_MS, minBytes: MIN_BOOT_BYTES, ...options }
    // What could not be written in the end is refused now.
    writeBootProfile({ ...options, reads: [] })
  }

  /** The profile's text when it is over; `undefined` when nothing was read, or too little. Never rejects. */
  get done(): Promise<string | undefined> {
    return this.#result.promise
  }

  get isOver(): boolean {
    return this.#over.signal.aborted
  }

  /** The guest reads; `atMs` by the recorder's clock. */
  onRead(offset: number, length: number, atMs: number): void {
    if (this.isOver) return
    const end = Math.min(offset + length, this.#options.virtualSizeBytes)
    if (end <= offset) return
    if (this.#firstMs === undefined) {
      this.#firstMs = atMs
      this.#lastMs = atMs
      void this.#watch()
    }
    // Reads may be told in another order than they began in.
    this.#lastMs = Math.max(this.#lastMs, atMs)
    for (let at = offset; at < end; at += MAX_READ_BYTES) {
      this.#note({ offset: at, length: Math.min(MAX_READ_BYTES, end - at), milliseconds: this.#lastMs - this.#firstMs })
    }
  }

  /** It is over now, for instance because the machine is gone: what was read until then is the result. Idempotent. */
  end(): void {
    if (this.isOver) return
    this.#over.abort()
    const { recordedOn, virtualSizeBytes } = this.#options
    const profile = this.#isBoot ? { recordedOn, virtualSizeBytes, reads: this.#reads } : undefined
    this.#forget()
    this.#result.resolve(profile && writeBootProfile(profile))
  }

  /** Nobody wants it any more. */
  cancel(): void {
    this.#forget()
    this.end()
  }

  get #isBoot(): boolean {
    return this.#reads.length > 0 && this.#readBytes >= this.#options.minBytes
  }

  #forget(): void {
    this.#reads = []
    this.#readBytes = 0
    this.#firstMs = undefined
  }

  #note(read: BootRead): void {
    if (this.isOver) return
    this.#readBytes += read.length
    const last = this.#reads.at(-1)
    const isNext = last !== undefined && last.offset + last.length === read.offset
    if (isNext && last.length + read.length <= MAX_READ_BYTES) {
      this.#reads[this.#reads.length - 1] = { ...last, length: last.length + read.length }
      return
    }
    this.#reads.push({ ...read, milliseconds: Math.round(read.milliseconds) })
    if (this.#reads.length === MAX_READS) this.end()
  }

  async #watch(): Promise<void> {
    const { maxMs, quietMs } = this.#options
    const { signal } = this.#over
    while (!signal.aborted && this.#firstMs !== undefined) {
      const leftMs = Math.min(this.#firstMs + maxMs, this.#lastMs + quietMs) - this.#clock.now()
      if (leftMs > 0) await this.#clock.sleep(leftMs, { signal }).catch(() => {})
      else if (this.#isBoot) this.end()
      else this.#forget()
    }
  }
}
