import { MAX_HEARTBEAT_EVENTS, type NodeEvent } from '@shoal/api'
import { errorCode, type Logger } from '@shoal/core'
import type { StateStore } from '@shoal/state'

const PREFIX = 'peer/events/'
const MAX_EVENTS = 1000
/** Digits of a sequence number in a key, so that keys sort as numbers do. */
const SEQUENCE_DIGITS = 16

interface Queued {
  readonly key: string
  readonly event: NodeEvent
}

/**
 * What happened here and the seed has not acknowledged yet, in order. It survives a crash of the daemon, and it is
 * bounded: when the seed stays away, the oldest give way.
 */
export class EventQueue {
  readonly #state: StateStore
  readonly #logger: Logger
  readonly #onAdded: () => void
  #queue: Queued[] = []
  #sequence = 0

  constructor(deps: { state: StateStore; logger: Logger; onAdded?: () => void }) {
    this.#state = deps.state
    this.#logger = deps.logger
    this.#onAdded = deps.onAdded ?? (() => {})
  }

  get length(): number {
    return this.#queue.length
  }

  /** Reads what an earlier run left. */
  async open(): Promise<void> {
    for await (const { key, value } of this.#state.range<NodeEvent>({ prefix: PREFIX })) {
      this.#queue.push({ key, event: value })
      this.#sequence = Number(key.slice(PREFIX.length)) + 1
    }
  }

  /** Queues an event; resolves when it would survive a crash of the daemon. */
  async add(event: NodeEvent): Promise<void> {
    const key = PREFIX + String(this.#sequence).padStart(SEQUENCE_DIGITS, '0')
    this.#sequence += 1
    this.#queue.push({ key, event })
    const dropped = this.#queue.splice(0, Math.max(0, this.#queue.length - MAX_EVENTS))
    if (dropped.length > 0)
      this.#logger.debug({ dropped: dropped.length }, 'event queue is full; the oldest is dropped')
    this.#onAdded()
    await this.#write([
      { type: 'put', key, value: event },
      ...dropped.map(({ key }) => ({ type: 'delete', key }) as const),
    ])
  }

  /** The next events to send, the oldest first. Acknowledge them once the seed has them. */
  next(): { events: NodeEvent[]; acknowledge: () => Promise<void> } {
    const batch = this.#queue.slice(0, MAX_HEARTBEAT_EVENTS)
    const acknowledge = async () => {
      const done = new Set(batch)
      this.#queue = this.#queue.filter((queued) => !done.has(queued))
      if (batch.length > 0) await this.#write(batch.map(({ key }) => ({ type: 'delete', key })))
    }
    return { events: batch.map(({ event }) => event), acknowledge }
  }

  async #write(operations: Parameters<StateStore['batch']>[0]): Promise<void> {
    try {
      // A power cut may lose the last events; a sync to disk for each would cost more than they are worth.
      await this.#state.batch(operations, { durable: false })
    } catch (error) {
      this.#logger.warn({ code: errorCode(error), error }, 'event not written; it is kept in memory')
    }
  }
}
