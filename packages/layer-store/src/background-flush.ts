import { type Clock, type Digest, errorMessage, type Logger } from '@shoal/core'
import type { SerialQueue } from './serial-queue.ts'

export interface BackgroundFlushDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** In which saves take their turn. */
  readonly queue: SerialQueue
  readonly save: () => Promise<void>
}

/** Saves a layer when it is asked to, and by itself a while after something changed. */
export class BackgroundFlush {
  readonly #deps: BackgroundFlushDeps
  readonly #digest: Digest
  readonly #delayMs: number
  readonly #timer = new AbortController()
  #queued: Promise<void> | undefined
  #isTimerSet = false
  #isFailing = false

  constructor(deps: BackgroundFlushDeps, options: { digest: Digest; delayMs: number }) {
    this.#deps = deps
    this.#digest = options.digest
    this.#delayMs = options.delayMs
  }

  /** Resolves after a save that began after the call. One that has not begun yet serves all who ask meanwhile. */
  flush(): Promise<void> {
    this.#queued ??= this.#deps.queue.run(() => {
      this.#queued = undefined
      return this.#deps.save()
    })
    return this.#queued
  }

  /** Flushes without anybody waiting: a failure is logged, once, and is for the next flush to mend. */
  start(): void {
    if (this.#queued !== undefined) return
    const digest = this.#digest
    this.flush().then(
      () => {
        if (this.#isFailing) this.#deps.logger.info({ digest }, 'layer is flushed again')
        this.#isFailing = false
      },
      (error: unknown) => {
        if (!this.#isFailing) this.#deps.logger.warn({ digest, error: errorMessage(error) }, 'layer cannot be flushed')
        this.#isFailing = true
      },
    )
  }

  startLater(): void {
    if (this.#isTimerSet) return
    this.#isTimerSet = true
    this.#deps.clock.sleep(this.#delayMs, { signal: this.#timer.signal }).then(
      () => {
        this.#isTimerSet = false
        this.start()
      },
      () => {},
    )
  }

  stop(): void {
    this.#timer.abort()
  }
}
