import type { TransferLimits } from '@shoal/core'

/** Lets one layer ask for payload within the limits: one take of each kind waits at a time, so that layers take turns. */
export class DownAdmission {
  readonly #limits: TransferLimits
  readonly #onAdmitted: () => void
  readonly #closed = new AbortController()
  /** What is urgent does not count against prefetching, so nothing else may use what it paid for. */
  readonly #urgent = { paidBytes: 0, isWaiting: false }
  readonly #ordinary = { paidBytes: 0, isWaiting: false }

  constructor(limits: TransferLimits, onAdmitted: () => void) {
    this.#limits = limits
    this.#onAdmitted = onAdmitted
  }

  /** Whether so many bytes may be asked for now; when not, `onAdmitted` is called once they may. */
  admit(bytes: number, isUrgent: boolean): boolean {
    if (this.#limits.tryTakeDown(bytes, { urgent: isUrgent })) return true
    for (const kind of isUrgent ? [this.#urgent, this.#ordinary] : [this.#ordinary]) {
      if (kind.paidBytes < bytes) continue
      kind.paidBytes -= bytes
      return true
    }
    const { isWaiting } = isUrgent ? this.#urgent : this.#ordinary
    if (!isWaiting && !this.#closed.signal.aborted) void this.#wait(bytes, isUrgent)
    return false
  }

  close(): void {
    this.#closed.abort()
  }

  async #wait(bytes: number, urgent: boolean): Promise<void> {
    const kind = urgent ? this.#urgent : this.#ordinary
    kind.isWaiting = true
    try {
      await this.#limits.takeDown(bytes, { urgent, signal: this.#closed.signal })
    } catch {
      return
    } finally {
      kind.isWaiting = false
    }
    kind.paidBytes += bytes
    this.#onAdmitted()
  }
}
