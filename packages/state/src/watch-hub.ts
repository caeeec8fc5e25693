import { stateError } from './errors.ts'
import { type StateChange, WATCH_LIMIT } from './state-store.ts'

interface Watcher {
  readonly prefix: string
  buffer: StateChange[]
  isLagged: boolean
  isEnded: boolean
  wake: () => void
}

/** Hands committed changes to the watchers of their prefix, each with a bounded buffer. */
export class WatchHub {
  readonly #watchers = new Set<Watcher>()

  get isEmpty(): boolean {
    return this.#watchers.size === 0
  }

  /** Registers at once, so that no change between the call and the first read is missed. */
  watch(prefix: string, signal: AbortSignal): AsyncIterable<StateChange> {
    const watcher: Watcher = { prefix, buffer: [], isLagged: false, isEnded: signal.aborted, wake: () => {} }
    const end = () => {
      watcher.isEnded = true
      this.#watchers.delete(watcher)
      watcher.wake()
    }
    if (!signal.aborted) {
      this.#watchers.add(watcher)
      signal.addEventListener('abort', end, { once: true })
    }
    const stop = () => {
      signal.removeEventListener('abort', end)
      end()
    }
    return { [Symbol.asyncIterator]: () => drain(watcher, stop) }
  }

  publish(change: StateChange): void {
    for (const watcher of this.#watchers) {
      if (!change.key.startsWith(watcher.prefix)) continue
      if (watcher.buffer.length >= WATCH_LIMIT) {
        watcher.isLagged = true
        watcher.buffer = []
        this.#watchers.delete(watcher)
      } else {
        watcher.buffer.push(change)
      }
      watcher.wake()
    }
  }

  close(): void {
    for (const watcher of this.#watchers) {
      watcher.isEnded = true
      watcher.wake()
    }
    this.#watchers.clear()
  }
}

async function* drain(watcher: Watcher, stop: () => void): AsyncGenerator<StateChange, void, undefined> {
  try {
    while (true) {
      if (watcher.isLagged) {
        throw stateError('SHOAL_STATE_WATCH_LAGGED', { prefix: watcher.prefix, limit: WATCH_LIMIT })
      }
      const changes = watcher.buffer
      watcher.buffer = []
      for (const change of changes) yield structuredClone(change)
      if (watcher.buffer.length > 0 || watcher.isLagged) continue
      if (watcher.isEnded) return
      await new Promise<void>((resolve) => {
        watcher.wake = resolve
      })
    }
  } finally {
    stop()
  }
}
