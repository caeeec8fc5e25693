import { mkdir } from 'node:fs/promises'
import { errorCode, ShoalError } from '@shoal/core'
import { Level } from 'level'
import { stateError } from './errors.ts'
import { checkKey, encodeOperation, rangeBounds } from './key.ts'
import { SpaceReserve } from './space-reserve.ts'
import { stateFailure } from './state-failure.ts'
import type {
  StateBatchOptions,
  StateChange,
  StateCondition,
  StateEntry,
  StateOperation,
  StateRangeOptions,
  StateStore,
} from './state-store.ts'
import { WatchHub } from './watch-hub.ts'

/** In LevelDB an entry is `:<key>` -> JSON of this; the store's own revision is `revision` -> number. */
interface Stored {
  /** The value. */
  readonly v: unknown
  /** The revision. */
  readonly r: number
}

interface PendingBatch {
  readonly operations: { key: string; json: string | undefined }[]
  readonly conditions: readonly StateCondition[]
  readonly isDurable: boolean
  readonly resolve: (isWritten: boolean) => void
  readonly reject: (error: unknown) => void
}

const KEY_PREFIX = ':'
const REVISION_KEY = 'revision'
const MAX_PENDING = 10_000
const MAX_GROUP = 500

/**
 * Opens (or creates) the state store in a directory, which must be on a local disk and belongs to this process alone.
 * Throws `SHOAL_STATE_LOCKED`, `SHOAL_STATE_CORRUPT`, `SHOAL_STATE_NO_SPACE` or `SHOAL_STATE_IO`.
 */
export async function openLevelState(directory: string): Promise<StateStore> {
  const store = new LevelState(directory)
  await store.open()
  return store
}

class LevelState implements StateStore {
  readonly #directory: string
  readonly #db: Level<string, unknown>
  readonly #hub = new WatchHub()
  readonly #reserve: SpaceReserve
  #pending: PendingBatch[] = []
  #writer: Promise<void> | undefined
  #reopening: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #revision = 0
  #isBroken = false

  constructor(directory: string) {
    this.#directory = directory
    this.#reserve = new SpaceReserve(directory)
    this.#db = new Level<string, unknown>(directory, { valueEncoding: 'json' })
    // An automatic open that fails must not be an unhandled rejection: open() reports it.
    this.#db.on('error', () => {})
  }

  async open(): Promise<void> {
    try {
      await mkdir(this.#directory, { recursive: true })
      await this.#reserve.makeRoom()
      await this.#db.open()
      await this.#reserve.renew()
      const revision = (await this.#db.get(REVISION_KEY)) ?? 0
      if (!Number.isSafeInteger(revision)) throw stateError('SHOAL_STATE_CORRUPT', { directory: this.#directory })
      this.#revision = Number(revision)
    } catch (error) {
      throw this.#failure(error)
    }
  }

  async get<T>(key: string): Promise<StateEntry<T> | undefined> {
    checkKey(key)
    await this.#ready()
    const stored = await this.#read(key)
    return stored && { key, value: stored.v as T, revision: stored.r }
  }

  async put(key: string, value: unknown): Promise<void> {
    await this.batch([{ type: 'put', key, value }])
  }

  async delete(key: string): Promise<void> {
    await this.batch([{ type: 'delete', key }])
  }

  async batch(operations: readonly StateOperation[], options: StateBatchOptions = {}): Promise<boolean> {
    const encoded = operations.map(encodeOperation)
    const conditions = options.conditions ?? []
    for (const { key } of conditions) checkKey(key)
    if (this.#closing !== undefined) throw stateError('SHOAL_STATE_CLOSED')
    if (this.#pending.length >= MAX_PENDING) {
      throw stateError('SHOAL_STATE_BUSY', { directory: this.#directory, limit: MAX_PENDING })
    }
    return new Promise((resolve, reject) => {
      this.#pending.push({ operations: encoded, conditions, isDurable: options.durable ?? true, resolve, reject })
      this.#writer ??= this.#writeAll()
    })
  }

  async *range<T>(options: StateRangeOptions): AsyncGenerator<StateEntry<T>, void, undefined> {
    const { low, isAfter, end } = rangeBounds(options)
    await this.#ready()
    try {
      const iterator = this.#db.iterator({
        [isAfter ? 'gt' : 'gte']: KEY_PREFIX + low,
        lt: KEY_PREFIX + end,
        reverse: options.reverse ?? false,
        limit: options.limit ?? -1,
      })
      for await (const [key, value] of iterator) {
        const stored = value as Stored
        yield { key: key.slice(KEY_PREFIX.length), value: stored.v as T, revision: stored.r }
      }
    } catch (error) {
      throw this.#failure(error)
    }
  }

  watch(prefix: string, { signal }: { signal: AbortSignal }): AsyncIterable<StateChange> {
    if (this.#closing !== undefined) throw stateError('SHOAL_STATE_CLOSED')
    return this.#hub.watch(prefix, signal)
  }

  async close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#writer
      await this.#reopening?.catch(() => {})
      this.#hub.close()
      await this.#db.close()
    })()
    await this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /**
   * One writer at a time, so that no write comes between a condition and what it guards; what queues up meanwhile
   * shares the next sync of the disk.
   */
  async #writeAll(): Promise<void> {
    // Lets the callers of this turn of the event loop join the first group.
    await null
    while (this.#pending.length > 0) {
      const group = this.#pending.slice(0, MAX_GROUP)
      this.#pending = this.#pending.slice(MAX_GROUP)
      try {
        await this.#ready({ forWriting: true })
        const results = await this.#writeGroup(group)
        for (const [index, batch] of group.entries()) batch.resolve(results[index] ?? false)
      } catch (error) {
        const failure = this.#failure(error)
        for (const batch of group) batch.reject(failure)
      }
    }
    this.#writer = undefined
  }

  async #writeGroup(group: PendingBatch[]): Promise<boolean[]> {
    const results: boolean[] = []
    const changes = new Map<string, Stored | undefined>()
    const published: StateChange[] = []
    let revision = this.#revision
    for (const batch of group) {
      const holds = await this.#conditionsHold(batch.conditions, changes)
      results.push(holds)
      if (!holds || batch.operations.length === 0) continue
      revision += 1
      for (const { key, json } of batch.operations) {
        const value: unknown = json === undefined ? undefined : JSON.parse(json)
        changes.set(key, json === undefined ? undefined : { v: value, r: revision })
        if (!this.#hub.isEmpty) published.push({ key, value, revision })
      }
    }
    if (revision === this.#revision) return results
    const isDurable = group.some((batch) => batch.isDurable)
    try {
      await this.#db.batch(
        [
          ...[...changes].map(([key, stored]) =>
            stored === undefined
              ? { type: 'del' as const, key: KEY_PREFIX + key }
              : { type: 'put' as const, key: KEY_PREFIX + key, value: stored as unknown },
          ),
          { type: 'put' as const, key: REVISION_KEY, value: revision as unknown },
        ],
        { sync: isDurable },
      )
    } catch (error) {
      // After a failed write LevelDB serves reads but refuses all later ones until it is opened again.
      this.#isBroken = true
      throw error
    }
    this.#revision = revision
    for (const change of published) this.#hub.publish(change)
    return results
  }

  async #conditionsHold(conditions: readonly StateCondition[], changes: Map<string, Stored | undefined>) {
    for (const { key, revision } of conditions) {
      const stored = changes.has(key) ? changes.get(key) : await this.#read(key)
      if ((stored?.r ?? 0) !== revision) return false
    }
    return true
  }

  async #read(key: string): Promise<Stored | undefined> {
    try {
      return (await this.#db.get(KEY_PREFIX + key)) as Stored | undefined
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** Opens the database again if a write failure left it unusable; reads go on without it as long as it is open. */
  async #ready(options: { forWriting?: boolean } = {}): Promise<void> {
    if (options.forWriting !== true && this.#closing !== undefined) throw stateError('SHOAL_STATE_CLOSED')
    if (this.#db.status === 'open' && !(this.#isBroken && options.forWriting === true)) return
    this.#reopening ??= (async () => {
      try {
        // Until there is room to open it again, the broken database still answers reads.
        if (this.#db.status === 'open') await this.#reserve.checkRoom()
        await this.#db.close()
        await this.open()
        this.#isBroken = false
      } finally {
        this.#reopening = undefined
      }
    })()
    await this.#reopening
  }

  #failure(error: unknown): unknown {
    if (error instanceof ShoalError) return error
    const code = errorCode(error)
    if (this.#closing !== undefined && code?.endsWith('_NOT_OPEN')) return stateError('SHOAL_STATE_CLOSED')
    return stateFailure(error, this.#directory)
  }
}
