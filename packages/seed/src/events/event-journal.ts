import { type Actor, type Event, type EventType, isActor } from '@shoal/api'
import type { Clock } from '@shoal/core'
import type { StateOperation, StateStore } from '@shoal/state'

export interface EventDraft {
  readonly type: EventType
  /** Who did it; the seed itself when absent. */
  readonly actor?: Actor | undefined
  readonly image?: string
  readonly layer?: string
  readonly node?: string
  readonly plan?: string
  readonly message: string
  readonly details?: Record<string, unknown>
  /** When it happened, if not now. ISO 8601. */
  readonly at?: string
}

/** Earlier versions did not keep who did it. */
type StoredEvent = Omit<Event, 'actor'> & Partial<Pick<Event, 'actor'>>

interface Pending {
  readonly operations: readonly StateOperation[]
  readonly drafts: readonly EventDraft[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Who acted when nobody asked for it. */
const SEED: Actor = 'seed'
const PREFIX = 'seed/event/'
const PAGE = 500
const MAX_UNWRITTEN = 100_000
/** A journal whose limit was lowered shrinks with its next events, not in one batch of millions. */
const DROPPED_AN_EVENT = 100
/** Ids are padded so that the store's order of keys is their order. */
const keyOf = (id: number) => `${PREFIX}${String(id).padStart(16, '0')}`

/**
 * The durable, bounded journal of events. {@link append} writes events together with the records that they tell of,
 * in one atomic batch; appends that come while a batch is written share the next one, so that a burst costs one sync.
 */
export class EventJournal {
  readonly #state: StateStore
  readonly #clock: Clock
  readonly #limit: number
  readonly #listeners = new Set<() => void>()
  #lastId = 0
  #firstId = 1
  #publishedId = 0
  #pending: Pending[] = []
  /** What a failed write left: memory has it, so it goes with the next write (a full disk may have room then). */
  readonly #unwritten = new Map<string, StateOperation>()
  #writing: Promise<void> | undefined

  constructor(deps: { state: StateStore; clock: Clock }, options: { limit: number }) {
    this.#state = deps.state
    this.#clock = deps.clock
    this.#limit = options.limit
  }

  /** Finds where the ids go on. To be called once, before anything else. */
  async open(): Promise<void> {
    for await (const { value } of this.#state.range<Event>({ prefix: PREFIX, limit: 1, reverse: true })) {
      this.#lastId = value.id
    }
    this.#firstId = this.#lastId + 1
    for await (const { value } of this.#state.range<Event>({ prefix: PREFIX, limit: 1 })) this.#firstId = value.id
    this.#publishedId = this.#lastId
  }

  /** Id of the newest event that is durable; 0 when there is none. */
  get lastId(): number {
    return this.#publishedId
  }

  /** Writes events, and the given operations atomically with them. Resolves when they are durable. */
  append(drafts: readonly EventDraft[], operations: readonly StateOperation[] = []): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ drafts, operations, resolve, reject })
      this.#writing ??= this.#write()
    })
  }

  /** Resolves when everything that was appended is written. */
  async flush(): Promise<void> {
    await this.#writing
  }

  /** Events with a higher id than `after`, the oldest first; of one actor, or kind of actors, if one is named. */
  async list(options: { after?: number | undefined; limit: number; actor?: string | undefined }): Promise<Event[]> {
    const { after = 0, limit, actor: wanted } = options
    const events: Event[] = []
    const range = { prefix: PREFIX, after: keyOf(after), ...(wanted === undefined ? { limit } : {}) }
    for await (const { value } of this.#state.range<StoredEvent>(range)) {
      const event = { ...value, actor: value.actor ?? SEED }
      if (wanted === undefined || isActor(event.actor, wanted)) events.push(event)
      if (events.length >= limit) break
    }
    return events
  }

  /** Events after the id (default: from now on) as they happen, until the signal aborts. Nothing is skipped. */
  async *subscribe(options: { after?: number | undefined; signal: AbortSignal }): AsyncGenerator<Event> {
    const { signal } = options
    let after = Math.min(options.after ?? this.#publishedId, this.#publishedId)
    while (!signal.aborted) {
      if (after >= this.#publishedId) await this.#changed(signal)
      for (const event of await this.list({ after, limit: PAGE })) {
        if (signal.aborted) return
        yield event
        after = event.id
      }
    }
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#listeners.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#listeners.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }

  async #write(): Promise<void> {
    // A turn of the event loop lets appends of the same moment share the batch.
    await Promise.resolve()
    while (this.#pending.length > 0) {
      const group = this.#pending
      this.#pending = []
      const operations = group.flatMap((pending) => [
        ...pending.operations,
        ...pending.drafts.flatMap((d) => this.#record(d)),
      ])
      for (const operation of operations) {
        // Deleted first, so that the map's order stays that of the writes.
        this.#unwritten.delete(operation.key)
        this.#unwritten.set(operation.key, operation)
      }
      try {
        if (this.#unwritten.size > 0) await this.#state.batch([...this.#unwritten.values()])
        this.#unwritten.clear()
        this.#publishedId = this.#lastId
        for (const pending of group) pending.resolve()
      } catch (error) {
        this.#forgetOldest()
        for (const pending of group) pending.reject(error)
      }
      for (const wake of [...this.#listeners]) wake()
    }
    // In the same turn as the last look at the queue, so that no append is left behind.
    this.#writing = undefined
  }

  #forgetOldest(): void {
    for (const key of this.#unwritten.keys()) {
      if (this.#unwritten.size <= MAX_UNWRITTEN) return
      this.#unwritten.delete(key)
    }
  }

  #record({ at, actor = SEED, details = {}, ...draft }: EventDraft): StateOperation[] {
    this.#lastId += 1
    const event: Event = {
      id: this.#lastId,
      at: at ?? new Date(this.#clock.now()).toISOString(),
      ...draft,
      actor,
      message: draft.message.slice(0, 1000),
      details,
    }
    const operations: StateOperation[] = [{ type: 'put', key: keyOf(event.id), value: event }]
    const end = Math.min(this.#lastId - this.#limit, this.#firstId + DROPPED_AN_EVENT - 1)
    for (; this.#firstId <= end; this.#firstId += 1) {
      operations.push({ type: 'delete', key: keyOf(this.#firstId) })
    }
    return operations
  }
}
