import { setTimeout as sleep } from 'node:timers/promises'

/** The promise's outcome, or a rejection when it takes longer. */
export async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  const abandoned = new AbortController()
  const late = sleep(timeoutMs, undefined, { signal: abandoned.signal }).then(() => {
    throw new Error(`not done after ${Math.round(timeoutMs / 100) / 10} s`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    abandoned.abort()
    late.catch(() => {})
  }
}
