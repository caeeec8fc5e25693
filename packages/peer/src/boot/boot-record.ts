import type { Boot, BootRequest, BootSpans } from '@shoal/api'
import { type Digest, parseDigest } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import { bootError } from './errors.ts'

/** What was asked for: two requests for the same are one. */
export interface BootWish {
  readonly image: string | null
  /** The topmost layer when no image was named. */
  readonly layer: Digest | null
  /** Null: the disk is read-only. */
  readonly overlay: string | null
  /** Null: as the image wants it. */
  readonly record: boolean | null
}

/** What must be known of a boot after a restart. */
export interface BootRecord extends BootWish, Pick<Boot, 'name' | 'state' | 'error' | 'preparedAt'> {
  /** Of the disk, the base first; empty until they are known. */
  readonly layers: readonly Digest[]
  /** Of the disk that the guest sees; 0 until it is known. */
  readonly virtualSizeBytes: number
  readonly isRecorded: boolean
  /** Absent in records of earlier versions. */
  readonly spans?: BootSpans
}

/** Of a boot that nothing is known of. */
export const NO_SPANS: BootSpans = Object.freeze({ openAt: null, firstReadAt: null, bootedAt: null, bootedBy: null })

/** What a request asks for; `overlay`: where one is made when none is named. Throws `SHOAL_BOOT_REQUEST`. */
export function bootWish(request: BootRequest, { overlay }: { overlay: string }): BootWish {
  const { image, layer, record } = request
  if ((image === undefined) === (layer === undefined)) {
    throw bootError('SHOAL_BOOT_REQUEST', { reason: image === undefined ? 'nothing is named' : 'two things are named' })
  }
  return {
    image: image?.toLowerCase() ?? null,
    layer: layer === undefined ? null : parseDigest(layer),
    overlay: request.overlay === undefined ? overlay : request.overlay,
    record: record ?? null,
  }
}

export function isSameWish(one: BootWish, other: BootWish): boolean {
  const isSameDisk = one.image === other.image && one.layer === other.layer
  return isSameDisk && one.overlay === other.overlay && one.record === other.record
}

/** What a disk is made of, for people, and for its overlay: an image has the same bytes whatever its layers are. */
export function originOf({ image, layer }: Pick<BootWish, 'image' | 'layer'>): string {
  return image === null ? `layer ${layer}` : `image ${image}`
}

/** The record of a boot that was just asked for. */
export function newBootRecord(name: string, wish: BootWish, preparedAt: string): BootRecord {
  const unknown = { layers: [], virtualSizeBytes: 0, isRecorded: false, spans: NO_SPANS }
  return { name, ...wish, state: 'preparing', error: null, ...unknown, preparedAt }
}

const PREFIX = 'peer/boot/'

/** The boots of a node in its state. Writes are durable, and fail with `SHOAL_STATE_*`. */
export class BootRecords {
  readonly #state: StateStore

  constructor(state: StateStore) {
    this.#state = state
  }

  /** All of them, by name. */
  async all(): Promise<BootRecord[]> {
    const records: BootRecord[] = []
    for await (const { value } of this.#state.range<BootRecord>({ prefix: PREFIX })) records.push(value)
    return records
  }

  save(record: BootRecord): Promise<void> {
    return this.#state.put(PREFIX + record.name, record)
  }

  forget(name: string): Promise<void> {
    return this.#state.delete(PREFIX + name)
  }
}
