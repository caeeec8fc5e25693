import type { HttpTracker } from 'bittorrent-tracker'
import { MAX_TRACKER_ANSWER_BYTES, readTrackerAnswer, type TrackerAnswer } from './tracker-answer.ts'

const REQUEST_TIMEOUT_MS = 15_000

/**
 * Lets a tracker client ask over HTTP within bounds: the library takes an answer of any length into memory, decodes it unchecked, and a tracker that breaks
 * off in the middle of it ends the process with a rejection that nobody handles.
 */
export function boundRequests(tracker: HttpTracker, timeoutMs = REQUEST_TIMEOUT_MS): void {
  tracker._request = (url, params, callback) => {
    const ended = new AbortController()
    // The library waits for these when it stops, for a second, so that the last announce gets out.
    const cleanup = () => {
      tracker.cleanupFns = tracker.cleanupFns.filter((other) => other !== cleanup)
      ended.abort()
      tracker.maybeDestroyCleanup?.()
    }
    tracker.cleanupFns.push(cleanup)
    const settle = (error: unknown, answer?: TrackerAnswer) => {
      cleanup()
      if (tracker.destroyed) return
      if (answer !== undefined) callback(null, answer)
      else callback(error instanceof Error ? error : new Error(String(error)))
    }
    const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(timeoutMs)])
    const asked = ask(`${url}${url.includes('?') ? '&' : '?'}${query(params)}`, signal)
    asked.then(
      (answer) => settle(null, answer),
      (error: unknown) => settle(error),
    )
  }
}

async function ask(url: string, signal: AbortSignal): Promise<TrackerAnswer> {
  const response = await fetch(url, { signal, redirect: 'error', headers: { 'user-agent': 'Shoal' } })
  const chunks: Uint8Array[] = []
  let length = 0
  // Leaving the loop ends the connection.
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > MAX_TRACKER_ANSWER_BYTES) throw new Error('the tracker answered with more than an answer has')
    chunks.push(chunk)
  }
  if (response.status !== 200) throw new Error(`the tracker answered with status ${response.status}`)
  return readTrackerAnswer(Buffer.concat(chunks))
}

/** Binary values come as text with a character a byte (BEP 3). */
function query(params: Readonly<Record<string, unknown>>): string {
  const escaped = (value: string) =>
    Buffer.from(value, 'latin1')
      .toString('latin1')
      .replace(/[^A-Za-z0-9_.~-]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return Object.entries(params)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${escaped(String(value))}`)
    .join('&')
}
