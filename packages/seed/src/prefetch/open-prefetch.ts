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
import { FleetView } from './fleet-view.ts'
import { OriginTerms } from './layer-terms.ts'
import { PlanBook } from './plan-book.ts'
import { PlanImages } from './plan-images.ts'
import { checkTarget } from './plan-request.ts'
import { PlannerWorker } from './planner-worker.ts'
import { PrefetchPlans } from './prefetch-plans.ts'

export interface PrefetchDeps {
  readonly state: StateStore
  readonly journal: Pick<EventJournal, 'append'>
  readonly catalogue: Catalogue
  readonly registry: NodeRegistry
  readonly assignments: Assignments
  readonly importer: Importer
  readonly layerings: Layerings
  readonly limits: FleetLimits
  readonly swarm: Pick<Swarm, 'get'>
  readonly clock: Clock
  readonly logger: Logger
}

export interface Prefetch extends AsyncDisposable {
  readonly plans: PrefetchPlans
  readonly rules: PrefetchRules
  /** An image may have been published. */
  noteImage(image: string): Promise<void>
  /** Carries plans out and lets rules act, until aborted. */
  run(options: { signal: AbortSignal }): Promise<void>
}

/** Builds what plans and carries out prefetches, and takes up what was under way. */
export async function openPrefetch(deps: PrefetchDeps, config: SeedConfig['prefetch']): Promise<Prefetch> {
  const { plansKept, excludeAfterMs, ...links } = config
  const book = new PlanBook(deps, { kept: plansKept })
  const worker = new PlannerWorker()
  const plans = new PrefetchPlans(
    {
      ...deps,
      book,
      worker,
      images: new PlanImages(deps),
      fleet: new FleetView(deps, links),
      origin: new OriginTerms(deps),
    },
    { excludeAfterMs },
  )
  const rules = new PrefetchRules({ ...deps, plans, checkTarget: (target) => checkTarget(target, 'of the rule') })
  await book.open()
  await plans.open()
  await rules.open()
  return {
    plans,
    rules,
    noteImage: async (image) => {
      plans.look()
      await rules.noteImage(image)
    },
    run: async ({ signal }) => void (await Promise.all([plans.run({ signal }), rules.run({ signal })])),
    [Symbol.asyncDispose]: () => worker.close(),
  }
}
