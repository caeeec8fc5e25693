import type { ComposeRequest, Composition } from '@shoal/api'
import type { Digest } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import type { PlacedFile } from './disk-directory.ts'

/** What must be known of a composition after a restart. One that runs is recorded as queued: it begins anew. */
export interface CompositionRecord extends Omit<Composition, 'layer' | 'state' | 'doneBytes'> {
  readonly layer: Digest
  readonly state: Exclude<Composition['state'], 'composing'>
  /** Where the caller said that the overlay of a chain is; null when it is made here. */
  readonly givenOverlay: string | null
  /** The layers it is made of, the topmost first. */
  readonly layers: readonly Digest[]
  /** What is in place, or is just being put there when it is still queued. */
  readonly files: readonly PlacedFile[]
}

/** What was asked for: two requests for the same are one. */
export type CompositionWish = Pick<CompositionRecord, 'layer' | 'format' | 'givenOverlay'> & {
  readonly compression: NonNullable<ComposeRequest['compression']>
}

const PREFIX = 'peer/composition/'

/** The compositions of a node in its state. Writes are durable, and fail with `SHOAL_STATE_*`. */
export class CompositionRecords {
  readonly #state: StateStore

  constructor(state: StateStore) {
    this.#state = state
  }

  /** All of them, in the order in which they were asked for. */
  async all(): Promise<CompositionRecord[]> {
    const records: CompositionRecord[] = []
    for await (const { value } of this.#state.range<CompositionRecord>({ prefix: PREFIX })) records.push(value)
    return records.sort((one, other) => Date.parse(one.requestedAt) - Date.parse(other.requestedAt))
  }

  save(record: CompositionRecord): Promise<void> {
    return this.#state.put(PREFIX + record.name, record)
  }

  forget(name: string): Promise<void> {
    return this.#state.delete(PREFIX + name)
  }
}
