import type { LayerLimit, TransferLimits } from '@shoal/core'

/** Whose tokens are waited for. */
export interface TokenWait {
  readonly isUrgent: boolean
  readonly isFar: boolean
}

/** Says when the limits let something pass again, once for each time that it is armed. It takes nothing itself. */
export class TokenAlarm {
  readonly #limits: TransferLimits
  readonly #layer: LayerLimit | undefined
  readonly #onReady: () => void
  readonly #closed = new AbortController()
  /** Those that are armed. */
  readonly #armed = new Set<string>()

  /** Of a layer with a limit of its own, or of the node. */
  constructor(limits: TransferLimits, layer: LayerLimit | undefined, onReady: () => void) {
    this.#limits = limits
    this.#layer = layer
    this.#onReady = onReady
  }

  arm({ isUrgent, isFar }: TokenWait): void {
    const name = `${isUrgent} ${isFar}`
    if (this.#armed.has(name) || this.#closed.signal.aborted) return
    this.#armed.add(name)
    const { signal } = this.#closed
    this.#limits.takeDown(0, { urgent: isUrgent, far: isFar, layer: this.#layer, signal }).then(
      () => {
        this.#armed.delete(name)
        if (!signal.aborted) this.#onReady()
      },
      () => {},
    )
  }

  close(): void {
    this.#closed.abort()
  }
}
