import type { TrafficPoint } from '@shoal/api'
import type { Clock } from '@shoal/core'

export interface TrafficLogDeps {
  readonly libraryRate: () => number
  readonly seedRate: () => number
  /** What all nodes receive. */
  readonly swarmRate: () => number
  readonly clock: Clock
}

/** Ten minutes, a point every five seconds. */
export const TRAFFIC_INTERVAL_MS = 5000
const KEPT = 120

/** What moved lately, whether anybody looked or not: who opens a dashboard in the middle of a boot sees how it began. */
export class TrafficLog {
  readonly #deps: TrafficLogDeps
  readonly #points: TrafficPoint[] = []

  constructor(deps: TrafficLogDeps) {
    this.#deps = deps
  }

  get points(): readonly TrafficPoint[] {
    return this.#points
  }

  /** To be called every `TRAFFIC_INTERVAL_MS`. */
  sample(): void {
    const { libraryRate, seedRate, swarmRate, clock } = this.#deps
    this.#points.push({
      at: new Date(clock.now()).toISOString(),
      libraryBytesPerSecond: Math.round(libraryRate()),
      seedBytesPerSecond: Math.round(seedRate()),
      swarmBytesPerSecond: Math.round(swarmRate()),
    })
    if (this.#points.length > KEPT) this.#points.shift()
  }
}
