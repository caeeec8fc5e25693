import { type Clock, errorCode, errorMessage, type Logger } from '@shoal/core'
import { type GlanceImage, signatureFingerprint } from '@shoal/openstack'
import type { Narrowing } from '../access/narrowing.ts'
import { seedError } from '../errors.ts'
import type { EventDraft, EventJournal } from '../events/event-journal.ts'
import { isRetriable } from '../imports/import-fault.ts'
import type { Importer } from '../imports/importer.ts'
import type { SignatureReview } from '../signatures/signature-review.ts'
import type { Catalogue } from './catalogue.ts'
import { boundedImage, type ImageRecord, layersOf } from './image-record.ts'
import { type ImportRule, matchesRule } from './import-rules.ts'
import type { Publication } from './publication.ts'

/** The image library as the watcher needs it. */
export interface WatchedLibrary {
  list(options: { signal?: AbortSignal; updatedSince?: string }): AsyncIterable<GlanceImage>
  show(id: string, options: { signal?: AbortSignal }): Promise<GlanceImage | undefined>
}

export interface LibraryWatcherDeps {
  readonly library: WatchedLibrary
  readonly catalogue: Catalogue
  readonly journal: EventJournal
  readonly importer: Pick<Importer, 'request' | 'drop' | 'images'>
  readonly publication: Pick<Publication, 'settle' | 'isSettled'>
  readonly narrowing: Pick<Narrowing, 'change'>
  readonly review: Pick<SignatureReview, 'consider'>
  readonly clock: Clock
  readonly logger: Logger
}

export interface LibraryWatcherOptions {
  readonly pollIntervalMs: number
  readonly sweepIntervalMs: number
  readonly rules: readonly ImportRule[]
}

const MAX_BACKOFF_FACTOR = 8
/** A deleted image is shown for a day, so that whoever asks learns what became of it. */
const DELETED_KEPT_MS = 24 * 60 * 60 * 1000
const GONE = new Set(['deleted', 'pending_delete', 'killed'])
/** What Shoal has made of an image that is new to it. */
const UNTOUCHED = {
  ...{ layer: null, import: null, inspection: null },
  ...{ chain: null, layering: null, signature: null, deletedAt: null },
} as const
/** The library has its words about one image; anything else means that it cannot be asked. */
const ABOUT_ONE_IMAGE = new Set(['SHOAL_GLANCE_FORBIDDEN', 'SHOAL_GLANCE_NOT_FOUND', 'SHOAL_GLANCE_PROTOCOL'])
/** A poll asks for so much of the past again: the library's servers have clocks of their own and write late. */
const OVERLAP_MS = 30_000

/**
 * Keeps the image records in step with the library. The incremental poll sees new and changed images soon and cheaply;
 * the sweep reads everything and finds what is gone, because Glance tells of no deletion. Images that are being
 * imported are looked at with every poll.
 */
export class LibraryWatcher {
  readonly #deps: LibraryWatcherDeps
  readonly #options: LibraryWatcherOptions
  /** Time of the newest change seen in a whole list. Milliseconds since the epoch. */
  #newest: number | undefined
  #sweptAt = Number.NEGATIVE_INFINITY
  #isReachable = true
  #failures = 0
  #tail: Promise<unknown> = Promise.resolve()

  constructor(deps: LibraryWatcherDeps, options: LibraryWatcherOptions) {
    this.#deps = deps
    this.#options = options
  }

  /** Whether the last round was answered. */
  get isReachable(): boolean {
    return this.#isReachable
  }

  /** Looks at the library again and again until the signal aborts. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { clock } = this.#deps
    while (!signal.aborted) {
      await this.round({ signal })
      const factor = Math.min(2 ** this.#failures, MAX_BACKOFF_FACTOR)
      await clock.sleep(this.#options.pollIntervalMs * factor, { signal }).catch(() => {})
    }
  }

  /** One poll, or one sweep when it is due. Never throws: what goes wrong is told by events and tried again. */
  async round({ signal }: { signal: AbortSignal }): Promise<void> {
    const { clock, logger } = this.#deps
    try {
      const isSweep = clock.elapsed() - this.#sweptAt >= this.#options.sweepIntervalMs
      if (isSweep) await this.#sweep(signal)
      else await this.#poll(signal)
      await this.#reachable()
    } catch (error) {
      if (signal.aborted) return
      logger.warn({ code: errorCode(error), reason: errorMessage(error) }, 'looking at the image library failed')
      await this.#unreachable(error).catch(() => {})
    }
  }

  /** Asks the library for one image now; the record is up to date when it resolves. `undefined`: there is none. */
  async refresh(id: string, { signal }: { signal?: AbortSignal } = {}): Promise<ImageRecord | undefined> {
    const options = signal === undefined ? {} : { signal }
    const image = await this.#deps.library.show(id, options)
    if (image !== undefined) await this.#observe(image)
    else await this.#forget(id)
    return this.#deps.catalogue.image(image?.id ?? id)
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const since = this.#newest === undefined ? {} : { updatedSince: new Date(this.#newest - OVERLAP_MS).toISOString() }
    await this.#list(since, signal)
    for (const id of this.#deps.importer.images()) await this.#recheck(id, signal)
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { catalogue, clock } = this.#deps
    const startedAt = clock.elapsed()
    const seen = await this.#list({}, signal)
    for (const record of catalogue.images()) {
      const { id } = record.image
      // Absence from a list may mean hidden or community: only the library's word on the image itself counts.
      if (record.deletedAt === null && !seen.has(id)) await this.#recheck(id, signal)
      else if (record.deletedAt !== null && !seen.has(id)) await this.#forget(id)
      await this.#prune(record)
    }
    this.#sweptAt = startedAt
  }

  /** Observes what the library lists. Only a list that was read to its end moves the time that the next poll asks from. */
  async #list(since: { updatedSince?: string }, signal: AbortSignal): Promise<Set<string>> {
    const { library, clock } = this.#deps
    const seen = new Set<string>()
    let newest = this.#newest
    for await (const image of library.list({ signal, ...since })) {
      seen.add(image.id)
      await this.#observe(image)
      // A time in the future would hide every change until then.
      const updatedAt = Math.min(Date.parse(image.updatedAt), clock.now())
      if (!Number.isNaN(updatedAt)) newest = Math.max(newest ?? updatedAt, updatedAt)
    }
    this.#newest = newest
    return seen
  }

  /** Asks for one image of many: if the library has its own ideas about that one, the others are looked at all the same. */
  async #recheck(id: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    try {
      await this.refresh(id, { signal })
    } catch (error) {
      const code = errorCode(error)
      if (!ABOUT_ONE_IMAGE.has(code ?? '')) throw error
      this.#deps.logger.warn({ image: id, code, reason: errorMessage(error) }, 'the library does not show an image')
    }
  }

  async #prune({ image, deletedAt }: ImageRecord): Promise<void> {
    const { catalogue, journal, clock } = this.#deps
    if (deletedAt === null || clock.now() - Date.parse(deletedAt) < DELETED_KEPT_MS) return
    await journal.append([], [catalogue.removeImage(image.id)])
  }

  #observe(found: GlanceImage): Promise<void> {
    return this.#serially(async () => {
      const image = boundedImage(found)
      if (GONE.has(image.status)) return this.#delete(image.id)
      const { catalogue, journal, importer, narrowing } = this.#deps
      const before = catalogue.image(image.id)
      const isNew = before === undefined || before.deletedAt !== null
      const record = isNew ? { image, ...UNTOUCHED } : { ...before, image }
      const drafts = before === undefined ? discovered(image) : changes(before, image)
      const isChanged = isNew || JSON.stringify(before.image) !== JSON.stringify(image)
      const narrowed = before === undefined ? undefined : narrowing.change(before, image)
      const operations = [catalogue.putImage(record), ...(narrowed?.operations ?? [])]
      if (isChanged) await journal.append(drafts, operations)
      narrowed?.announce()
      // What follows goes by how things are, not by what changed: after a failure the next look makes it good.
      if (image.status !== 'active') {
        await importer.drop(image.id, seedError('SHOAL_IMAGE_DEACTIVATED', { image: image.id }))
      }
      await this.#settle(catalogue.image(image.id))
      this.#deps.review.consider(image.id)
      if (image.status === 'active') await this.#applyRules(image)
    })
  }

  async #settle(record: ImageRecord | undefined): Promise<void> {
    const { publication } = this.#deps
    // A middle goes before its base.
    for (const layer of record === undefined ? [] : layersOf(record).toReversed()) {
      if (!publication.isSettled(layer)) await publication.settle(layer)
    }
  }

  async #applyRules(image: GlanceImage): Promise<void> {
    const { catalogue, importer, logger } = this.#deps
    const record = catalogue.image(image.id)
    if (record === undefined || !matchesRule(image, this.#options.rules)) return
    if (record.layer !== null && record.import?.state === 'published') return
    // A refused image stays refused until someone asks: its bytes never change. What it says of their signature may.
    const error = record.import?.error ?? null
    const isNewClaim = record.signature?.state === 'refused' && record.signature.claim !== signatureFingerprint(image)
    if (error !== null && !isRetriable(error.code) && !isNewClaim) return
    try {
      await importer.request(image)
    } catch (error) {
      logger.warn({ image: image.id, code: errorCode(error) }, 'an image that a rule wants cannot be imported')
    }
  }

  #forget(id: string): Promise<void> {
    return this.#serially(() => this.#delete(id))
  }

  async #delete(id: string): Promise<void> {
    const { catalogue, journal, importer, clock } = this.#deps
    const record = catalogue.image(id)
    if (record === undefined) return
    const { image } = record
    if (record.deletedAt === null) {
      const deletedAt = new Date(clock.now()).toISOString()
      await journal.append(
        [{ type: 'image.deleted', image: id, message: `Image ${image.name ?? id} was deleted from the library.` }],
        [catalogue.putImage({ ...record, image: { ...image, status: 'deleted' }, deletedAt })],
      )
    }
    await importer.drop(id, seedError('SHOAL_IMAGE_DELETED', { image: id }))
    // Read only now: the import may have been published while it was being cancelled.
    await this.#settle(catalogue.image(id))
    const after = catalogue.image(id)
    // The layer's files are gone now, or belong to its other images.
    if (after !== undefined && layersOf(after).length > 0) {
      await journal.append([], [catalogue.putImage({ ...after, layer: null, chain: null })])
    }
  }

  /** One image's change is worked off before the next is looked at, whether poll, sweep or request saw it. */
  #serially<T>(task: () => Promise<T>): Promise<T> {
    const run = this.#tail.then(task)
    this.#tail = run.catch(() => {})
    return run
  }

  async #reachable(): Promise<void> {
    this.#failures = 0
    if (this.#isReachable) return
    this.#isReachable = true
    await this.#deps.journal.append([{ type: 'library.reachable', message: 'The image library answers again.' }])
  }

  async #unreachable(error: unknown): Promise<void> {
    const code = errorCode(error) ?? 'SHOAL_SEED_INTERNAL'
    this.#failures += 1
    if (!this.#isReachable || ABOUT_ONE_IMAGE.has(code)) return
    this.#isReachable = false
    const message = `The image library cannot be asked: ${errorMessage(error)}`
    await this.#deps.journal.append([{ type: 'library.unreachable', message, details: { code } }])
  }
}

function discovered(image: GlanceImage): EventDraft[] {
  const { id, name, status, diskFormat, sizeBytes, visibility } = image
  const details = { status, diskFormat, sizeBytes, visibility }
  return [{ type: 'image.discovered', image: id, message: `Image ${name ?? id} is in the library.`, details }]
}

function changes({ image: before }: ImageRecord, now: GlanceImage): EventDraft[] {
  const { id, status } = now
  const name = now.name ?? id
  if (before.status !== 'deactivated' && status === 'deactivated') {
    return [{ type: 'image.deactivated', image: id, message: `Image ${name} was deactivated.` }]
  }
  if (before.status === 'deactivated' && status === 'active') {
    return [{ type: 'image.reactivated', image: id, message: `Image ${name} was reactivated.` }]
  }
  const fields = Object.keys(now).filter((key) => {
    const field = key as keyof GlanceImage
    return JSON.stringify(before[field]) !== JSON.stringify(now[field])
  })
  if (fields.length === 0) return []
  return [{ type: 'image.changed', image: id, message: `Image ${name} changed.`, details: { fields, status } }]
}
