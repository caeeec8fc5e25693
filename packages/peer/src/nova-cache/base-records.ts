import type { Digest } from '@shoal/core'
import type { StateStore } from '@shoal/state'

/** A base file that this node has made, or was just giving its name. */
export interface BaseRecord {
  readonly image: string
  /** Of the file. */
  readonly name: string
  /** What tells it from any other that ever has its name. */
  readonly identity: string
  readonly format: 'raw' | 'qcow2'
  /** What it is made of, the topmost first. */
  readonly layers: readonly Digest[]
  /** Of the disk that a machine sees. */
  readonly virtualSizeBytes: number
  /** ISO 8601. */
  readonly placedAt: string
}

const PREFIX = 'peer/nova-base/'

/** Base files in the state of a node. Writes are durable, and fail with `SHOAL_STATE_*`. */
export class BaseRecords {
  readonly #state: StateStore

  constructor(state: StateStore) {
    this.#state = state
  }

  async all(): Promise<BaseRecord[]> {
    const records: BaseRecord[] = []
    for await (const { value } of this.#state.range<BaseRecord>({ prefix: PREFIX })) records.push(value)
    return records
  }

  save(record: BaseRecord): Promise<void> {
    return this.#state.put(PREFIX + record.image, record)
  }

  forget(image: string): Promise<void> {
    return this.#state.delete(PREFIX + image)
  }
}
