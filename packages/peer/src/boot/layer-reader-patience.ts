import type { Clock, Digest, ShoalError } from '@shoal/core'
import { bootError } from './errors.ts'

/** Why a read is given up that has waited for too long. */
export class TimeUp extends Error {
  readonly #timeoutMs: number

  constructor(timeoutMs: number) {
    super(`waited ${timeoutMs} ms in vain`)
    this.#timeoutMs = timeoutMs
  }

  /** What it means for the block that was waited for, if that is known; `failure` is why it did not come. */
  about(layer: Digest, block?: number, failure?: unknown): ShoalError {
    const details = { layer, block, seconds: Math.round(this.#timeoutMs / 1000) }
    return bootError('SHOAL_BOOT_READ_TIMEOUT', details, failure)
  }
}

/** How long a read is held: until its client goes, or for the time that is configured. */
export class Patience {
  readonly #over = new AbortController()
  readonly #client: AbortSignal
  readonly #onGone = () => this.#over.abort(this.#client.reason)

  constructor({ clock }: { clock: Clock }, options: { timeoutMs: number; signal: AbortSignal }) {
    const { timeoutMs, signal } = options
    this.#client = signal
    if (signal.aborted) this.#onGone()
    signal.addEventListener('abort', this.#onGone, { once: true })
    const giveUp = () => this.#over.abort(new TimeUp(timeoutMs))
    clock.sleep(timeoutMs, { signal: this.signal }).then(giveUp, () => {})
  }

  /** Aborted when the read is to be held no longer, for whatever reason. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  /** The read is over: what still waits for it ends. */
  end(): void {
    this.#client.removeEventListener('abort', this.#onGone)
    this.#over.abort()
  }
}
