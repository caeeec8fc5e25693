import type { KeyObject } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Clock, type Digest, errorCode, type Logger, type Manifest, type TokenBucket } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import type { GlanceImage } from '@shoal/openstack'
import type { ImageLimits, Verdict } from '@shoal/qcow2/inspect'
import { seedError } from '../errors.ts'
import type { EventJournal } from '../events/event-journal.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { SignatureVerdict } from '../images/image-record.ts'
import type { Middles } from '../middles/middles.ts'
import { writeHead } from '../middles/stripped-head.ts'
import type { ImageSignatures } from '../signatures/image-signatures.ts'
import { recordVerdict } from '../signatures/record-verdict.ts'
import { explainFault, isReadKept, isStop, isTransient, outcomeOf } from './import-fault.ts'
import { checkActive, type ImportSource, importImage } from './import-image.ts'
import type { ImportJob } from './import-job.ts'
import { hashOf, type ImportJournal, type ImportJournalEntry, newJournalEntry } from './import-journal.ts'

/** Makes finished layers known to the fleet, and takes them back. */
export interface LayerPublisher {
  /**
   * Calls `adopt`, which moves the staged file into the store, records the layer as that of the job's image in one
   * durable step, then seeds it. Nobody else adds or removes a layer meanwhile.
   */
  publish(job: ImportJob, manifest: Manifest, adopt: () => Promise<void>): Promise<void>
  /** Removes a layer from the store unless it was published. */
  discard(digest: Digest): Promise<void>
}

/** What the metrics want to know of imports. */
export interface ImportObserver {
  onBytes(bytes: number): void
  onRequest(): void
  onEnd(outcome: 'published' | 'failed' | 'cancelled', seconds: number): void
  onSignature(state: SignatureVerdict['state']): void
}

export interface ImportRunnerDeps {
  readonly source: ImportSource
  readonly store: Pick<LayerStore, 'adopt' | 'get' | 'stagingPath' | 'usage'>
  readonly journal: EventJournal
  readonly imports: ImportJournal
  readonly catalogue: Catalogue
  readonly publisher: LayerPublisher
  readonly middles: Pick<Middles, 'claimOf' | 'prove'>
  readonly signatures: Pick<ImageSignatures, 'claimOf' | 'refusalOf'>
  readonly bucket: TokenBucket
  readonly clock: Clock
  readonly logger: Logger
  readonly observer: ImportObserver
}

export interface ImportRunnerOptions {
  readonly limits: ImageLimits
  readonly attempts: number
  readonly durableBytes: number
  /** The key that signs now. */
  readonly privateKey: () => KeyObject
  readonly announce: () => readonly string[]
}

/** End of the names of staged files. */
export const STAGED_SUFFIX = '.part'
const MAX_BACKOFF_MS = 60_000
/** What an import leaves free: the state has its place on the same disk, and a full one stops everything. */
const RESERVED_BYTES = 64 * 1024 ** 2

/**
 * Runs one import from its first byte to its end. Everything that it has done so far is in its journal, so that a crash
 * at any moment costs at most the bytes since the last sync.
 */
export class ImportRunner {
  readonly #deps: ImportRunnerDeps
  readonly #options: ImportRunnerOptions

  constructor(deps: ImportRunnerDeps, options: ImportRunnerOptions) {
    this.#deps = deps
    this.#options = options
  }

  /** Never rejects: how the import ended is in the image's record. */
  async run(job: ImportJob): Promise<void> {
    const { clock, logger, observer } = this.#deps
    const { signal } = job.controller
    const startedAt = clock.now()
    let isPrefixTrusted = true
    for (let failures = 1; ; failures += 1) {
      const fault = await this.#attempt(job, isPrefixTrusted).then(
        () => undefined,
        (thrown: unknown) => ({ error: explainFault(job.image, thrown, signal) }),
      )
      if (fault !== undefined && isStop(fault.error)) return
      if (fault !== undefined && errorCode(fault.error) === 'SHOAL_GLANCE_HASH_MISMATCH' && job.keptBytes > 0) {
        logger.warn({ image: job.image, keptBytes: job.keptBytes }, 'what was kept may be damaged, reading all again')
        isPrefixTrusted = false
        continue
      }
      if (fault !== undefined && isTransient(fault.error) && failures < this.#options.attempts) {
        await this.#pause(job, fault.error, failures)
        continue
      }
      if (fault !== undefined) await this.#fail(job, fault.error)
      const outcome = fault === undefined ? 'published' : outcomeOf(fault.error)
      observer.onEnd(outcome, (clock.now() - startedAt) / 1000)
      return
    }
  }

  /** Frees what a failed import of the image has kept, if anything. Not to be called while it is being imported. */
  async discardKept(image: string): Promise<void> {
    const { journal, imports } = this.#deps
    const entry = imports.get(image)
    if (entry === undefined) return
    await this.#andDiscard(entry, journal.append([], [imports.remove(image)]))
  }

  async #attempt(job: ImportJob, isPrefixTrusted: boolean): Promise<void> {
    const { source, store, imports, observer } = this.#deps
    const { signal } = job.controller
    signal.throwIfAborted()
    const image = await source.show(job.image, { signal })
    checkActive(job.image, image)
    const known = imports.get(job.image)
    if (image === undefined || known === undefined) throw new Error(`import of ${job.image} has no journal`)
    const isSame = known.hash === hashOf(image)
    if (isSame && (await this.#finishPublishing(job, known))) return
    if (!isSame) await this.#note(job, newJournalEntry(image))
    job.bytesTotal = image.sizeBytes ?? 0
    const keepBytes = isSame && isPrefixTrusted ? known.durableBytes : 0
    await this.#checkSpace(image, keepBytes)
    const stagingPath = store.stagingPath(job.image + STAGED_SUFFIX)
    const { layer, head } = await importImage(this.#deps, {
      ...this.#options,
      image,
      stagingPath,
      keepBytes,
      announce: this.#options.announce(),
      privateKey: this.#options.privateKey(),
      signal,
      onKept: (keptBytes) => this.#begin(job, keptBytes),
      onRequest: () => {
        job.libraryRequests += 1
        observer.onRequest()
      },
      onBytes: (bytes) => {
        job.bytesRead += bytes
        job.meter.add(bytes)
        observer.onBytes(bytes)
      },
      onSkipped: (bytes) => observer.onBytes(bytes),
      onDurable: (durableBytes) => this.#note(job, { durableBytes }),
      onVerifying: () => this.#verifying(job),
      onInspected: (verdict) => this.#inspected(job, verdict),
      onSignature: (verdict) => this.#signature(job, verdict),
    })
    await this.#publish(job, layer.manifest, async () => {
      await this.#note(job, { publishing: layer.manifest.digest })
      // Not before: until here the staged file is what the library sent, which a restart would go on with.
      if (head !== undefined) await writeHead(stagingPath, head)
      await store.adopt(layer, stagingPath)
    })
  }

  /** The file was moved into the store and the records were not written: only that is left to do. */
  async #finishPublishing(job: ImportJob, { publishing, sizeBytes }: ImportJournalEntry): Promise<boolean> {
    const stored = publishing === null ? undefined : this.#deps.store.get(publishing)
    if (!stored?.isComplete) return false
    job.bytesTotal = sizeBytes
    await this.#publish(job, stored.manifest, async () => {})
    return true
  }

  /** Records and journal entry change in one durable step; until that was written the entry stays. */
  async #publish(job: ImportJob, manifest: Manifest, adopt: () => Promise<void>): Promise<void> {
    job.state = 'verifying'
    await this.#deps.publisher.publish(job, manifest, adopt)
  }

  async #checkSpace(image: GlanceImage, keptBytes: number): Promise<void> {
    const { store } = this.#deps
    const { freeBytes } = await store.usage()
    if ((image.sizeBytes ?? 0) - keptBytes + RESERVED_BYTES <= freeBytes) return
    throw seedError('SHOAL_IMPORT_NO_SPACE', { image: image.id, directory: dirname(store.stagingPath('any')) })
  }

  async #pause(job: ImportJob, error: unknown, failures: number): Promise<void> {
    const { clock, logger } = this.#deps
    job.state = 'queued'
    job.lastError = error
    const delayMs = Math.min(1000 * 2 ** (failures - 1), MAX_BACKOFF_MS)
    logger.warn({ image: job.image, code: errorCode(error), delayMs }, 'import interrupted, trying again')
    await clock.sleep(delayMs, { signal: job.controller.signal }).catch(() => {})
  }

  async #begin(job: ImportJob, keptBytes: number): Promise<void> {
    const { journal, clock } = this.#deps
    job.state = 'reading'
    job.keptBytes = keptBytes
    job.bytesRead = keptBytes
    job.lastError = undefined
    job.startedAt ??= new Date(clock.now()).toISOString()
    const isResumed = keptBytes > 0
    const message = isResumed ? `Import goes on from byte ${keptBytes}.` : 'Import started.'
    const details = { bytesRead: keptBytes, bytesTotal: job.bytesTotal }
    const change = { durableBytes: keptBytes, startedAt: job.startedAt, publishing: null }
    const type = isResumed ? 'import.resumed' : 'import.started'
    await journal.append([{ type, image: job.image, message, details }], [this.#change(job, change)])
  }

  async #verifying(job: ImportJob): Promise<void> {
    job.state = 'verifying'
    await this.#deps.journal.append([{ type: 'import.verifying', image: job.image, message: 'All bytes are read.' }])
  }

  async #inspected({ image }: ImportJob, inspection: Verdict): Promise<void> {
    const { journal, catalogue } = this.#deps
    const record = catalogue.image(image)
    if (record !== undefined) await journal.append([], [catalogue.putImage({ ...record, inspection })])
  }

  async #signature({ image }: ImportJob, verdict: SignatureVerdict | null): Promise<void> {
    const { catalogue, observer } = this.#deps
    const record = catalogue.image(image)
    if (record === undefined || (verdict === null && record.signature === null)) return
    if (verdict !== null) observer.onSignature(verdict.state)
    await recordVerdict(this.#deps, { ...record, signature: verdict })
  }

  async #note(job: ImportJob, change: Partial<ImportJournalEntry>): Promise<void> {
    await this.#deps.journal.append([], [this.#change(job, change)])
  }

  #change(job: ImportJob, change: Partial<ImportJournalEntry>) {
    const { imports } = this.#deps
    const before = imports.get(job.image)
    if (before === undefined) throw new Error(`import of ${job.image} has no journal`)
    return imports.put({ ...before, ...change, libraryRequests: job.libraryRequests })
  }

  async #fail(job: ImportJob, error: unknown): Promise<void> {
    const { journal, imports, catalogue, logger } = this.#deps
    const code = errorCode(error) ?? 'SHOAL_SEED_INTERNAL'
    const state = outcomeOf(error)
    logger.warn({ image: job.image, code, err: error, bytesRead: job.bytesRead }, `import ${state}`)
    const outcome = job.record(state, error)
    const entry = isReadKept(code) ? undefined : imports.get(job.image)
    const record = catalogue.image(job.image)
    const message = outcome.error?.message ?? 'The import ended.'
    const details = { code, hint: outcome.error?.hint ?? '' }
    const recorded = journal.append(
      [{ type: `import.${state}`, actor: job.endedBy, image: job.image, message, details }],
      [
        ...(record === undefined ? [] : [catalogue.putImage({ ...record, import: outcome })]),
        ...(entry === undefined ? [] : [imports.remove(job.image)]),
      ],
    )
    await (entry === undefined ? recorded : this.#andDiscard(entry, recorded)).catch((err: unknown) =>
      logger.error({ image: job.image, err }, 'the end of an import is not recorded'),
    )
  }

  /** Frees an entry's files once the entry is gone: a crash in between leaves files without an entry, which a start removes. */
  async #andDiscard({ image, publishing }: ImportJournalEntry, recorded: Promise<void>): Promise<void> {
    const { store, imports, publisher } = this.#deps
    try {
      await recorded
    } finally {
      await rm(store.stagingPath(image + STAGED_SUFFIX), { force: true })
      if (publishing !== null && !imports.isPublishing(publishing)) await publisher.discard(publishing)
    }
  }
}
