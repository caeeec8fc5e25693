import { Bitfield, blockCount, type Digest, digestHex, isDigest } from '@shoal/core'
import type { StateOperation, StateStore } from '@shoal/state'
import { storeError } from './errors.ts'
import { type LayerRecord, parseRecord } from './layer-record.ts'
import { presenceOperations, readPresence } from './presence-record.ts'

const PREFIX = 'layer-store/layer/'

/** The records of a store's layers and of their blocks. All writes are durable. */
export class LayerRecords {
  readonly #state: StateStore

  constructor(state: StateStore) {
    this.#state = state
  }

  /** The digests that have a record, well-formed or not. */
  async list(): Promise<Digest[]> {
    const digests: Digest[] = []
    for await (const { key } of this.#state.range({ prefix: PREFIX })) {
      const digest = `sha256:${key.slice(PREFIX.length)}`
      if (isDigest(digest)) digests.push(digest)
    }
    return digests
  }

  /** Throws `SHOAL_STORE_FOREIGN_FILE` for a record that this version did not write. */
  async read(digest: Digest): Promise<LayerRecord | undefined> {
    const key = PREFIX + digestHex(digest)
    const entry = await this.#state.get(key)
    if (entry === undefined) return undefined
    const record = parseRecord(entry.value)
    if (record?.manifest.digest === digest) return record
    throw storeError('SHOAL_STORE_FOREIGN_FILE', { path: `${key} (in the state store)` })
  }

  /** Writes a layer's record and, if given, which of its blocks are present, in one batch. */
  async put(record: LayerRecord, present?: Bitfield): Promise<void> {
    const { digest } = record.manifest
    const operations: StateOperation[] = [{ type: 'put', key: PREFIX + digestHex(digest), value: record }]
    if (present !== undefined) operations.push(...presenceOperations(digest, present))
    await this.#state.batch(operations)
  }

  /** Begins a removal: no block is present any more. */
  async forget(record: LayerRecord): Promise<void> {
    await this.put({ ...record, phase: 'removing', stagedInode: null }, new Bitfield(blockCount(record.manifest)))
  }

  /** Ends a removal. */
  async delete(digest: Digest): Promise<void> {
    await this.#state.delete(PREFIX + digestHex(digest))
  }

  readPresence(record: LayerRecord): Promise<Bitfield> {
    return readPresence(this.#state, record.manifest.digest, blockCount(record.manifest))
  }
}
