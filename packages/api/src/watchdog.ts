/** Aborts its signal when what is expected does not come in time. */
export interface Watchdog {
  readonly signal: AbortSignal
  /** Starts the time anew. */
  expectWithin(timeoutMs: number): void
  /** Stops the time and aborts, which closes a connection whose reader left early. */
  stop(): void
}

export function createWatchdog(): Watchdog {
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  return {
    signal: controller.signal,
    expectWithin(timeoutMs) {
      clearTimeout(timer)
      timer = setTimeout(() => controller.abort(new Error(`nothing came for ${timeoutMs} ms`)), timeoutMs)
    },
    stop() {
      clearTimeout(timer)
      controller.abort()
    },
  }
}
