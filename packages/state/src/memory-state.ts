import { stateError } from './errors.ts'
import { checkKey, encodeOperation, rangeBounds } from './key.ts'
import type {
  StateBatchOptions,
  StateChange,
  StateEntry,
  StateOperation,
  StateRangeOptions,
  StateStore,
} from './state-store.ts'
import { WatchHub } from './watch-hub.ts'

interface Stored {
  readonly json: string
  readonly revision: number
}

/** A state store that lives as long as the process: for tests and simulations. */
export function createMemoryState(): StateStore {
  return new MemoryState()
}

class MemoryState implements StateStore {
  readonly #entries = new Map<string, Stored>()
  readonly #hub = new WatchHub()
  #sortedKeys: string[] | undefined
  #revision = 0
  #isClosed = false

  async get<T>(key: string): Promise<StateEntry<T> | undefined> {
    checkKey(key)
    this.#checkOpen()
    const stored = this.#entries.get(key)
    return stored && { key, value: JSON.parse(stored.json) as T, revision: stored.revision }
  }

  async put(key: string, value: unknown): Promise<void> {
    await this.batch([{ type: 'put', key, value }])
  }

  async delete(key: string): Promise<void> {
    await this.batch([{ type: 'delete', key }])
  }

  async batch(operations: readonly StateOperation[], options: StateBatchOptions = {}): Promise<boolean> {
    const encoded = operations.map(encodeOperation)
    this.#checkOpen()
    for (const { key, revision } of options.conditions ?? []) {
      checkKey(key)
      if ((this.#entries.get(key)?.revision ?? 0) !== revision) return false
    }
    if (encoded.length === 0) return true
    this.#revision += 1
    this.#sortedKeys = undefined
    for (const { key, json } of encoded) {
      if (json === undefined) this.#entries.delete(key)
      else this.#entries.set(key, { json, revision: this.#revision })
      if (!this.#hub.isEmpty) {
        this.#hub.publish({ key, value: json && JSON.parse(json), revision: this.#revision })
      }
    }
    return true
  }

  async *range<T>(options: StateRangeOptions): AsyncGenerator<StateEntry<T>, void, undefined> {
    this.#checkOpen()
    const { low, isAfter, end } = rangeBounds(options)
    this.#sortedKeys ??= [...this.#entries.keys()].sort()
    const keys = this.#sortedKeys.filter((key) => (isAfter ? key > low : key >= low) && key < end)
    if (options.reverse) keys.reverse()
    const snapshot = keys.slice(0, options.limit).map((key) => ({ key, stored: this.#entries.get(key) }))
    for (const { key, stored } of snapshot) {
      if (stored !== undefined) yield { key, value: JSON.parse(stored.json) as T, revision: stored.revision }
    }
  }

  watch(prefix: string, { signal }: { signal: AbortSignal }): AsyncIterable<StateChange> {
    this.#checkOpen()
    return this.#hub.watch(prefix, signal)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#hub.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #checkOpen(): void {
    if (this.#isClosed) throw stateError('SHOAL_STATE_CLOSED')
  }
}
