import type { Clock } from '@shoal/core'
import { MAX_BOOT_MS, MIN_BOOT_BYTES, QUIET_MS } from './recorder.ts'

export interface BootMomentsDeps {
  /** That by which reads are told. */
  readonly clock: Clock
  /** The machine has begun to boot. Unix time in milliseconds, as below. */
  onFirstRead(atMs: number): void
  /** It has booted: this was its last read before it was quiet. */
  onBooted(atMs: number): void
}

/**
 * When a machine began to boot and when it had booted, by what it reads of its disk: it has booted when it has read as
 * much as a boot does, and then nothing for as long as ends a recording. One that reads on for longer than any boot
 * takes is at work: then nobody knows. Called for every read.
 */
export class BootMoments {
  readonly #deps: BootMomentsDeps
  #firstMs: number | undefined
  #lastMs = 0
  #bytes = 0
  readonly #over = new AbortController()

  constructor(deps: BootMomentsDeps) {
    this.#deps = deps
  }

  onRead(length: number, atMs: number): void {
    if (this.#isOver) return
    if (this.#firstMs !== undefined && this.#bytes < MIN_BOOT_BYTES && atMs - this.#lastMs >= QUIET_MS) {
      // Somebody had looked at the disk; the boot begins now.
      this.#firstMs = undefined
      this.#bytes = 0
    }
    const isFirst = this.#firstMs === undefined
    this.#firstMs ??= atMs
    this.#lastMs = Math.max(this.#lastMs, atMs)
    this.#bytes += length
    if (!isFirst) return
    this.#deps.onFirstRead(atMs)
    void this.#watch(atMs)
  }

  /** The disk is served no more. Idempotent. */
  end(): void {
    this.#over.abort()
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted
  }

  async #watch(firstMs: number): Promise<void> {
    const { clock } = this.#deps
    while (!this.#isOver && this.#firstMs === firstMs) {
      const leftMs = this.#lastMs + QUIET_MS - clock.now()
      if (leftMs > 0) await clock.sleep(leftMs, { signal: this.#over.signal }).catch(() => {})
      else if (this.#bytes < MIN_BOOT_BYTES) return
      else {
        this.end()
        this.#deps.onBooted(this.#lastMs)
        return
      }
      if (clock.now() - firstMs >= MAX_BOOT_MS + QUIET_MS) this.end()
    }
  }
}
