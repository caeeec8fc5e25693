import type { TransferLimits } from '@shoal/core'

/** Lets one layer ask for payload within the limits: one take waits at a time, so that layers take turns. */
export class DownAdmission {
  readonly #limits: TransferLimits
  readonly #onAdmitted: () => void
  readonly #closed = new AbortController()
  #admittedBytes = 0
  #isWaiting = false

  constructor(limits: TransferLimits, onAdmitted: () => void) {
    this.#limits = limits
    this.#onAdmitted = onAdmitted
  }

  /** Whether so many bytes may be asked for now; when not, `onAdmitted` is called once they may. */
  admit(bytes: number, isUrgent: boolean): boolean {
    if (this.#limits.tryTakeDown(bytes, { urgent: isUrgent })) return true
    if (!isUrgent && this.#admittedBytes >= bytes) {
      this.#admittedBytes -= bytes
      return true
    }
    if (!this.#isWaiting && !this.#closed.signal.aborted) void this.#wait(bytes, isUrgent)
    return false
  }

  close(): void {
    this.#closed.abort()
  }

  async #wait(bytes: number, urgent: boolean): Promise<void> {
    this.#isWaiting = true
    try {
      await this.#limits.takeDown(bytes, { urgent, signal: this.#closed.signal })
    } catch {
      return
    } finally {
      this.#isWaiting = false
    }
    this.#admittedBytes += bytes
    this.#onAdmitted()
  }
}
