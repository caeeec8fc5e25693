import { on } from 'node:events'
import type { ReadStream } from 'node:tty'

/** Reads keys as they are pressed; undefined when standard input is no terminal. Ctrl-C comes as a key then, not as a signal. */
export function pressedKeys(stdin: ReadStream): ((signal: AbortSignal) => AsyncIterable<string>) | undefined {
  if (!stdin.isTTY) return undefined
  return async function* (signal) {
    stdin.setRawMode(true)
    try {
      for await (const [chunk] of on(stdin, 'data', { signal })) yield String(chunk)
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      stdin.setRawMode(false)
      // Or the process would wait for another key.
      stdin.pause()
    }
  }
}
