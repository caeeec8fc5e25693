import type { Clock, Logger } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import type { Swarm } from '@shoal/swarm'
import type { SeedConfig } from '../config.ts'
import type { EventJournal } from '../events/event-journal.ts'
import type { FleetLimits } from '../fleet-limits.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { Importer } from '../imports/importer.ts'
import type { Layerings } from '../layers/layerings.ts'
import type { Assignments } from '../nodes/assignments.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import { PrefetchRules } from '../rules/prefetch-rules.ts'
import { DownloadNodes } from './download-nodes.ts'
import { DownloadPlans } from './download-plans.ts'
import { FleetView } from './fleet-view.ts'
import { OriginTerms } from './layer-terms.ts'
import { PlanBook } from './plan-book.ts'
import { PlanImages } from './plan-images.ts'
import { PlanMaker } from './plan-maker.ts'
import { PlanReader } from './plan-reader.ts'
import { checkTarget } from './plan-request.ts'
import { PlanRuns } from './plan-runs.ts'
import { PlanWatch } from './plan-watch.ts'
import { PlannerWorker } from './planner-worker.ts'
import { PrefetchPlans } from './prefetch-plans.ts'

export interface PrefetchDeps {
  readonly state: StateStore
  readonly journal: Pick<EventJournal, 'append'>
  readonly catalogue: Catalogue
  readonly registry: NodeRegistry
  readonly assignments: Assignments
  readonly importer: Pick<Importer, 'progress' | 'request' | 'cancel'>
  readonly layerings: Pick<Layerings, 'progress'>
  readonly limits: Pick<FleetLimits, 'effective'>
  readonly swarm: Pick<Swarm, 'get'>
  readonly clock: Clock
  readonly logger: Logger
}

export interface Prefetch extends AsyncDisposable {
  readonly plans: PrefetchPlans
  readonly reader: PlanReader
  readonly runs: PlanRuns
  readonly downloads: DownloadPlans
  readonly rules: PrefetchRules
  /** An image may have been published. */
  noteImage(image: string): Promise<void>
  /** Carries plans out and lets rules act, until aborted. */
  run(options: { signal: AbortSignal }): Promise<void>
}

/** Plans of downloads that are kept when they are over, beside `plansKept` others. */
const DOWNLOADS_KEPT = 100

/** Builds what plans and carries out prefetches, and takes up what was under way. */
export async function openPrefetch(deps: PrefetchDeps, config: SeedConfig['prefetch']): Promise<Prefetch> {
  const { plansKept, excludeAfterMs, ...links } = config
  const book = new PlanBook(deps, { kept: plansKept, downloadsKept: DOWNLOADS_KEPT })
  const worker = new PlannerWorker()
  const watch = new PlanWatch(deps.clock)
  const images = new PlanImages(deps)
  const planning = { ...deps, worker, images, fleet: new FleetView(deps, links) }
  const downloadNodes = new DownloadNodes(deps.state)
  const runs = new PlanRuns(
    { ...planning, book, watch, downloadNodes, origin: new OriginTerms(deps) },
    { excludeAfterMs },
  )
  const downloads = new DownloadPlans({ ...deps, book, runs, images })
  const reader = new PlanReader({ ...deps, book, runs, watch })
  const plans = new PrefetchPlans({ ...deps, book, runs, reader, images, maker: new PlanMaker(planning) })
  const rules = new PrefetchRules({
    ...deps,
    plans: { create: (request, options) => plans.create(request, options), state: (plan) => reader.state(plan) },
    checkTarget: (target) => checkTarget(target, 'of the rule'),
  })
  await book.open()
  await runs.open()
  downloads.open()
  await rules.open()
  return {
    plans,
    reader,
    runs,
    downloads,
    rules,
    noteImage: async (image) => {
      runs.look()
      await rules.noteImage(image)
    },
    run: async ({ signal }) => void (await Promise.all([runs.run({ signal }), rules.run({ signal })])),
    [Symbol.asyncDispose]: () => worker.close(),
  }
}
