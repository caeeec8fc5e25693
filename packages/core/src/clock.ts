/** Time as the rest of Shoal sees it, so that tests and simulations can move it. */
export interface Clock {
  /** Milliseconds since the Unix epoch; jumps when the machine's clock is set. For moments that others are told or that are kept. */
  now(): number
  /** Milliseconds since some moment, on a clock that nobody sets: for waits, back-off, ages and rates. Means nothing after a restart. */
  elapsed(): number
  /** Resolves after `delayMs`; rejects with the signal's reason when aborted. */
  sleep(delayMs: number, options?: { signal?: AbortSignal | undefined }): Promise<void>
}

/** The machine's own time. It jumps when the machine's clock is set. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: (delayMs, { signal } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, delayMs)
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}

/** Close to the machine's time at the start and never set after it: for rates, back-off and time-outs. */
export const steadyClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  elapsed: systemClock.elapsed,
  sleep: systemClock.sleep,
}
