import type { BootReads } from '@shoal/api'
import type { Digest, Manifest, ShoalError } from '@shoal/core'

/** A read that waits for longer has stalled. */
export const STALL_MS = 1000

/** A read that was answered. */
export interface ReadAnswer {
  /** From the request to the reply. */
  readonly seconds: number
  /** Whether nothing of it was waited for. */
  readonly isWarm: boolean
  /** Fetched because of it, and of no read before it. */
  readonly onDemandBytes: number
}

/** Who hears of the reads of a disk: events, metrics, and what records a boot. All are called in passing and must not throw. */
export interface ReadObserver {
  /** A read begins; `atMs` by the clock of the service. */
  onRead?(offset: number, length: number, atMs: number): void
  /** Bytes of a layer's file are read for it, here already or not; perhaps more than once for one read. */
  onTouched?(manifest: Manifest, offset: number, length: number): void
  onAnswered?(answer: ReadAnswer): void
  /** A read has waited for {@link STALL_MS}, and goes on waiting. */
  onStalled?(stall: { readonly layer: Digest; readonly waitedMs: number }): void
  /** The disk is served no more. */
  onClosed?(): void
  /** The guest sees an error of its disk, or stands still. */
  onFailed?(failure: { readonly layer: Digest; readonly error: ShoalError }): void
}

/** What a guest reads, and for how much of it it waits. */
export class ReadTally {
  #reads = 0
  #readBytes = 0
  #waitingReads = 0
  #onDemandBytes = 0
  #stalls = 0
  #longestWaitMs = 0
  #firstReadAt: string | null = null

  begin(length: number, atMs: number): void {
    this.#reads += 1
    this.#readBytes += length
    this.#firstReadAt ??= new Date(atMs).toISOString()
  }

  /** A read waits for blocks. */
  waits(): void {
    this.#waitingReads += 1
  }

  demanded(bytes: number): void {
    this.#onDemandBytes += bytes
  }

  stalled(): void {
    this.#stalls += 1
  }

  /** A read has waited, whatever came of it. */
  waited(ms: number): void {
    this.#longestWaitMs = Math.max(this.#longestWaitMs, Math.round(ms))
  }

  get reads(): BootReads {
    return {
      reads: this.#reads,
      readBytes: this.#readBytes,
      waitingReads: this.#waitingReads,
      onDemandBytes: this.#onDemandBytes,
      stalls: this.#stalls,
      longestWaitMs: this.#longestWaitMs,
      firstReadAt: this.#firstReadAt,
    }
  }
}
