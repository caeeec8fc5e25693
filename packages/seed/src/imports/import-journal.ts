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

export function putJournalEntry(entry: ImportJournalEntry): StateOperation {
  return { type: 'put', key: PREFIX + entry.image, value: entry }
}

export function deleteJournalEntry(image: string): StateOperation {
  return { type: 'delete', key: PREFIX + image }
}

/** The imports that were under way when the seed last stopped, however it did. */
export async function readImportJournal(state: StateStore): Promise<ImportJournalEntry[]> {
  const entries: ImportJournalEntry[] = []
  for await (const { value } of state.range<ImportJournalEntry>({ prefix: PREFIX })) entries.push(value)
  return entries
}
