import type { BootRow, DashboardFrame, Event, Image, Layer, NodeRow, Overview, PlanSummary } from '@shoal/api'
import { Table } from './table.ts'
import { TrafficHistory } from './traffic-history.ts'

const MAX_EVENTS = 2000

/** All that the seed told, kept up to date by its messages. Listeners are told after each of them, once. */
export class FleetStore {
  readonly nodes = new Table<NodeRow>(({ id }) => id)
  readonly plans = new Table<PlanSummary>(({ id }) => id ?? '')
  readonly layers = new Table<Layer>(({ digest }) => digest)
  readonly images = new Table<Image>(({ id }) => id)
  readonly boots = new Table<BootRow>(({ id }) => id)
  readonly traffic = new TrafficHistory()
  readonly #listeners = new Set<() => void>()
  #overview: Overview | undefined
  /** The newest first. */
  #events: readonly Event[] = []

  get overview(): Overview | undefined {
    return this.#overview
  }

  get events(): readonly Event[] {
    return this.#events
  }

  apply(frame: DashboardFrame): void {
    const { isWhole, overview } = frame
    this.#overview = overview
    this.traffic.fill(frame.history)
    this.traffic.add(overview)
    this.nodes.apply(frame.nodes, isWhole)
    this.plans.apply(frame.plans, isWhole)
    this.layers.apply(frame.layers, isWhole)
    this.images.apply(frame.images, isWhole)
    this.boots.apply(frame.boots, isWhole)
    const newest = this.#events[0]?.id ?? -1
    const known = isWhole ? [] : this.#events
    const fresh = frame.events.filter(({ id }) => isWhole || id > newest).reverse()
    if (isWhole || fresh.length > 0) this.#events = [...fresh, ...known].slice(0, MAX_EVENTS)
    for (const listener of [...this.#listeners]) listener()
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
