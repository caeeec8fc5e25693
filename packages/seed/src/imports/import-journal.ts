import type { Digest } from '@shoal/core'
import type { GlanceImage } from '@shoal/openstack'
import type { StateOperation, StateStore } from '@shoal/state'

/** How far the import of an image is, durably. The bytes before `durableBytes` are on disk in the staging file. */
export interface ImportJournalEntry {
  readonly image: string
  readonly hash: string
  readonly sizeBytes: number
  readonly durableBytes: number
  readonly libraryRequests: number
  readonly startedAt: string | null
  /** Set just before the staged file becomes this layer: from then on the file may be in the store already. */
  readonly publishing: Digest | null
}

const PREFIX = 'seed/import/'

/**
 * The journal entries in memory, with their durable records: imports under way, and what is kept of those that failed
 * through no fault of the image. As in the catalogue, a change is made in memory at once and gives the operation that
 * makes it durable.
 */
export class ImportJournal {
  readonly #state: StateStore
  readonly #entries = new Map<string, ImportJournalEntry>()

  constructor(state: StateStore) {
    this.#state = state
  }

  /** Reads the imports that were under way when the seed last stopped, however it did. */
  async open(): Promise<void> {
    for await (const { value } of this.#state.range<ImportJournalEntry>({ prefix: PREFIX })) {
      this.#entries.set(value.image, value)
    }
  }

  get(image: string): ImportJournalEntry | undefined {
    return this.#entries.get(image)
  }

  entries(): ImportJournalEntry[] {
    return [...this.#entries.values()]
  }

  /** Whether an import, that of `except` aside, may have moved its file into the store as this layer. */
  isPublishing(digest: Digest, { except }: { except?: string } = {}): boolean {
    return this.entries().some(({ image, publishing }) => publishing === digest && image !== except)
  }

  put(entry: ImportJournalEntry): StateOperation {
    this.#entries.set(entry.image, entry)
    return { type: 'put', key: PREFIX + entry.image, value: entry }
  }

  remove(image: string): StateOperation {
    this.#entries.delete(image)
    return { type: 'delete', key: PREFIX + image }
  }
}

/** The image's hash as one text: an entry with another one is of no use. */
export function hashOf(image: GlanceImage): string {
  return `${image.osHashAlgo ?? 'md5'}:${image.osHashValue ?? image.checksum ?? ''}`
}

export function newJournalEntry(image: GlanceImage): ImportJournalEntry {
  return {
    image: image.id,
    hash: hashOf(image),
    sizeBytes: image.sizeBytes ?? 0,
    durableBytes: 0,
    libraryRequests: 0,
    startedAt: null,
    publishing: null,
  }
}
