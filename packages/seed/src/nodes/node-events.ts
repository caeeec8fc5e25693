import { hash } from 'node:crypto'
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
/** Some heartbeats full of them: a node sends again what it does not know to have arrived. */
const MAX_TOLD = 300
const KEY_BYTES = 6

/** The events of one node, each told once: a heartbeat may be sent twice. */
export class NodeEvents {
  readonly #node: string
  /** Numbers of those that were told, the oldest first: 8 bytes each, where their texts would be 100 MiB of a fleet of 2,000. */
  readonly #told: number[] = []

  constructor(node: string) {
    this.#node = node
  }

  /** Those that are to be journalled. */
  tell(events: readonly NodeEvent[]): EventDraft[] {
    return events.flatMap((event) => {
      const { at, layer, message, details } = event
      const type = NODE_EVENT_TYPES.find((known) => known === event.type)
      const key = numberOf(`${at} ${event.type} ${layer ?? ''} ${message}`)
      if (type === undefined || this.#told.includes(key)) return []
      this.#told.push(key)
      if (this.#told.length > MAX_TOLD) this.#told.shift()
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

function numberOf(text: string): number {
  return hash('sha256', text, 'buffer').readUIntBE(0, KEY_BYTES)
}
