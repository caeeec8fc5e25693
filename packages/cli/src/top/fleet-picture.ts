import type { DashboardFrame, NodeRow, Overview, PlanSummary } from '@shoal/api'

/** The fleet as the seed told it last, kept up to date by its messages. */
export class FleetPicture {
  readonly #nodes = new Map<string, NodeRow>()
  readonly #plans = new Map<string, PlanSummary>()
  #overview: Overview | undefined

  get overview(): Overview | undefined {
    return this.#overview
  }

  get nodes(): Iterable<NodeRow> {
    return this.#nodes.values()
  }

  /** Plans under way. */
  get plans(): PlanSummary[] {
    return [...this.#plans.values()].filter(({ state }) => state === 'running')
  }

  apply({ isWhole, overview, nodes, plans }: DashboardFrame): void {
    this.#overview = overview
    if (isWhole) {
      this.#nodes.clear()
      this.#plans.clear()
    }
    for (const id of nodes.gone) this.#nodes.delete(id)
    for (const row of nodes.set) this.#nodes.set(row.id, row)
    for (const id of plans.gone) this.#plans.delete(id)
    for (const plan of plans.set) this.#plans.set(plan.id ?? '', plan)
  }
}
