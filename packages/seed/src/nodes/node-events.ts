import type { NodeEvent } from '@shoal/api'
import type { EventDraft } from '../events/event-journal.ts'

/** What nodes tell and the seed journals; it knows the rest by itself, or not at all. */
const NODE_EVENT_TYPES = [
  'layer.complete',
  'layer.failed',
  'layer.evicted',
  'layer.purged',
  'layer.corrupt',
  'peer.banned',
  'node.flooded',
  'store.no-space',
  'boot.stalled',
  'boot.failed-read',
] as const
const MAX_TOLD = 300

/** The events of one node, each told once: a heartbeat may be sent twice. */
export class NodeEvents {
  readonly #node: string
  /** Keys of those that were told, the oldest first. */
  readonly #told = new Set<string>()

  constructor(node: string) {
    this.#node = node
  }

  /** Those that are to be journalled. */
  tell(events: readonly NodeEvent[]): EventDraft[] {
    return events.flatMap((event) => {
      const { at, layer, message, details } = event
      const type = NODE_EVENT_TYPES.find((known) => known === event.type)
      const key = `${at} ${event.type} ${layer ?? ''} ${message}`
      if (type === undefined || this.#told.has(key)) return []
      this.#told.add(key)
      const [oldest] = this.#told
      if (this.#told.size > MAX_TOLD && oldest !== undefined) this.#told.delete(oldest)
      return [
        {
          type,
          actor: `node:${this.#node}`,
          node: this.#node,
          at,
          message,
          details,
          ...(layer === undefined ? {} : { layer }),
        },
      ]
    })
  }
}
