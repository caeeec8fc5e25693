import type { Actor, ImageImport, ImportState } from '@shoal/api'
import { type Clock, RateMeter } from '@shoal/core'
import type { ImportRecord } from '../images/image-record.ts'
import { toErrorBody } from '../images/image-record.ts'

/** One import from request to end, as it is shown while it lasts. */
export class ImportJob {
  readonly image: string
  readonly controller = new AbortController()
  readonly meter: RateMeter
  readonly #clock: Clock
  state: ImportState = 'queued'
  /** Order among those that wait, higher first. */
  priority = 0
  bytesRead = 0
  /** How many of them this attempt found on disk. */
  keptBytes = 0
  bytesTotal: number
  libraryRequests: number
  startedAt: string | null
  /** What went wrong with the last attempt, while the next one is waited for. */
  lastError: unknown
  /** Who cancelled it, if not the seed itself. */
  endedBy: Actor | undefined
  #settle: () => void = () => {}
  /** Resolves when the import has ended, however it did. */
  readonly done: Promise<void> = new Promise((resolve) => {
    this.#settle = resolve
  })

  constructor(
    clock: Clock,
    start: { image: string; bytesTotal: number; libraryRequests: number; startedAt: string | null },
  ) {
    this.#clock = clock
    this.meter = new RateMeter(clock)
    this.image = start.image
    this.bytesTotal = start.bytesTotal
    this.libraryRequests = start.libraryRequests
    this.startedAt = start.startedAt
  }

  finish(): void {
    this.#settle()
  }

  /** The durable record of the import as it stands. */
  record(state: ImportState, error?: unknown): ImportRecord {
    const isOver = state === 'published' || state === 'failed' || state === 'cancelled'
    return {
      state,
      bytesRead: this.bytesRead,
      bytesTotal: this.bytesTotal,
      libraryRequests: this.libraryRequests,
      startedAt: this.startedAt,
      finishedAt: isOver ? new Date(this.#clock.now()).toISOString() : null,
      error: error === undefined ? null : toErrorBody(error),
    }
  }

  view(): ImageImport {
    const rateBytesPerSecond = this.state === 'reading' ? this.meter.bytesPerSecond() : 0
    return { ...this.record(this.state, this.lastError), rateBytesPerSecond }
  }
}
