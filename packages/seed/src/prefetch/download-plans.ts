import { randomBytes } from 'node:crypto'
import { DEFAULT_PLAN_WEIGHT } from '@shoal/api'
import { type Clock, type Digest, errorMessage, type Logger } from '@shoal/core'
import { BOOT_PRIORITY } from '../boots/boot-image.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import type { DownloadedLayer } from './download-nodes.ts'
import type { DownloadRun } from './download-run.ts'
import type { PlanBook } from './plan-book.ts'
import type { PlanImages } from './plan-images.ts'
import { type PlanRecord, UNPLANNED } from './plan-record.ts'
import { isoTime, planTerms } from './plan-request.ts'
import type { PlanRuns } from './plan-runs.ts'

export interface DownloadPlansDeps {
  readonly book: PlanBook
  readonly runs: PlanRuns
  readonly images: Pick<PlanImages, 'name'>
  readonly registry: Pick<NodeRegistry, 'bytesByNode'>
  readonly clock: Clock
  readonly logger: Logger
}

/** More images are not shown that are downloaded at the same time. */
const MAX_RUNNING = 200
const MAX_NAME = 80

/** Shows what nodes download by themselves: one plan for an image and a burst of downloads, which nodes join as they ask. */
export class DownloadPlans {
  readonly #deps: DownloadPlansDeps
  /** By image: the last one. */
  readonly #latest = new Map<string, DownloadRun>()

  constructor(deps: DownloadPlansDeps) {
    this.#deps = deps
  }

  /** Takes up those that were under way. */
  open(): void {
    for (const run of this.#deps.runs.downloads) this.#latest.set(run.image, run)
  }

  /**
   * A node downloads an image; its layer is null until it is imported. A node that has all of it downloads nothing. Never
   * throws: what is shown must not hold up what is done.
   */
  async join(node: string, image: string, layer: DownloadedLayer): Promise<void> {
    try {
      const known = this.#latest.get(image)
      const run = known?.takesNodes ? known : undefined
      if (layer !== null && !run?.has(node) && this.#hasAll(node, layer)) return
      if (run === undefined) return await this.#begin(node, image, layer)
      await run.join(node, layer)
      this.#deps.runs.resumeDownloads(run)
    } catch (error) {
      const reason = errorMessage(error)
      this.#deps.logger.error({ node, image, reason, error }, 'a download is missing in the plan that shows it')
    }
  }

  async #begin(node: string, image: string, layer: DownloadedLayer): Promise<void> {
    const { book, runs, images } = this.#deps
    for (const [other, run] of this.#latest) if (!run.takesNodes) this.#latest.delete(other)
    if (runs.downloads.length >= MAX_RUNNING) return
    const record = this.#record(image)
    const message = `Nodes began to download image ${images.name(image)}.`
    const details = { source: record.source, images: 1 }
    const created = book.put(record, [{ type: 'plan.created', actor: `node:${node}`, message, details }])
    // Who asks while that is written joins this one.
    const run = runs.beginDownloads(record.id)
    this.#latest.set(image, run)
    await Promise.all([created, run.join(node, layer)])
  }

  #record(image: string): PlanRecord {
    const now = this.#deps.clock.now()
    const at = isoTime(now)
    return {
      ...UNPLANNED,
      ...planTerms({ priority: BOOT_PRIORITY, weight: DEFAULT_PLAN_WEIGHT }, now),
      // Nodes keep it for as long as it is worth it.
      pinnedUntil: at,
      id: `download-${randomBytes(5).toString('hex')}`,
      kind: 'download',
      name: `${this.#deps.images.name(image).slice(0, MAX_NAME).toWellFormed()} (downloads)`,
      source: 'downloads',
      idempotencyKey: null,
      requestHash: '',
      images: [{ image, form: 'file' }],
      state: 'running',
      createdAt: at,
      startedAt: at,
    }
  }

  #hasAll(node: string, layer: Digest): boolean {
    return this.#deps.registry.bytesByNode(layer).get(node) === Number.POSITIVE_INFINITY
  }
}
