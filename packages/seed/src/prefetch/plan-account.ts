import type { PlanNode, PlanProgress } from '@shoal/api'
import type { Clock } from '@shoal/core'
import type { FleetProgress } from './fleet-progress.ts'
import type { SlowContext } from './slow-reason.ts'

export interface PlanAccountDeps {
  readonly progress: FleetProgress
  readonly clock: Pick<Clock, 'now'>
  /** By what nodes are called slow just now; without the median, which is the fleet's. */
  readonly slowContext: () => Omit<SlowContext, 'medianRate'>
}

/** How far a plan is at this moment, as the API shows it: in all, in numbers of nodes, and each node. */
export class PlanAccount {
  readonly #deps: PlanAccountDeps

  constructor(deps: PlanAccountDeps) {
    this.#deps = deps
  }

  progress(): PlanProgress {
    return this.#deps.progress.summary(this.#context(), this.#deps.clock.now())
  }

  counts(): PlanProgress['nodes'] {
    return this.#deps.progress.counts()
  }

  /** Every node, by name. */
  nodes(): PlanNode[] {
    const { progress, clock } = this.#deps
    const context = this.#context()
    const now = clock.now()
    return [...progress.rows.keys()].sort().map((node) => progress.node(node, context, now))
  }

  #context(): SlowContext {
    const { progress, slowContext } = this.#deps
    return { ...slowContext(), medianRate: progress.medianRate() }
  }
}
