/** A value with its key and the revision of the write that put it there. */
export interface StateEntry<T> {
  readonly key: string
  readonly value: T
  /** Grows by one with each successful write of the store (etcd's `mod_revision`); never 0. */
  readonly revision: number
}

export type StateOperation =
  | { readonly type: 'put'; readonly key: string; readonly value: unknown }
  | { readonly type: 'delete'; readonly key: string }

/** Holds when the key's revision is this one; 0 means that the key must not exist. */
export interface StateCondition {
  readonly key: string
  readonly revision: number
}

export interface StateBatchOptions {
  /** Nothing is written unless all of them hold. */
  readonly conditions?: readonly StateCondition[]
  /** Resolve only when the write survives a power cut; default true. A write that is not durable survives a crash of the process. */
  readonly durable?: boolean
}

export interface StateRangeOptions {
  readonly prefix: string
  /** Start behind this key (before it when reversed). */
  readonly after?: string
  readonly limit?: number
  readonly reverse?: boolean
}

/** What happened to a key; `value` is undefined when it was deleted. */
export interface StateChange {
  readonly key: string
  readonly value: unknown
  readonly revision: number
}

/**
 * The store of all state that must survive. Keys are 1 to 512 characters of printable ASCII without space, in
 * byte order; values are what JSON can hold, and each read returns a copy of its own. A malformed key or value is a TypeError.
 *
 * Failures are `SHOAL_STATE_IO`, `SHOAL_STATE_NO_SPACE`, `SHOAL_STATE_CORRUPT`, `SHOAL_STATE_BUSY` and, after close, `SHOAL_STATE_CLOSED`.
 * After an I/O failure of a write its outcome is unknown, all or nothing: read again.
 */
export interface StateStore extends AsyncDisposable {
  get<T>(key: string): Promise<StateEntry<T> | undefined>
  /** Writes durably. */
  put(key: string, value: unknown): Promise<void>
  /** Deletes durably; a key that does not exist is fine. */
  delete(key: string): Promise<void>
  /** Writes all operations or none; false if a condition did not hold. The last operation on a key wins. */
  batch(operations: readonly StateOperation[], options?: StateBatchOptions): Promise<boolean>
  /** Entries in key order, as they were when the iteration began. */
  range<T>(options: StateRangeOptions): AsyncIterable<StateEntry<T>>
  /**
   * Changes committed after this call, in order, until the signal aborts or the store closes. A watcher that falls
   * behind by more than {@link WATCH_LIMIT} changes gets `SHOAL_STATE_WATCH_LAGGED` and should read the range again.
   */
  watch(prefix: string, options: { signal: AbortSignal }): AsyncIterable<StateChange>
  /** Waits for writes under way, then closes; idempotent. */
  close(): Promise<void>
}

/** How many changes a watcher may leave unread. */
export const WATCH_LIMIT = 10_000
