import { type Clock, type Logger, steadyClock } from '@shoal/core'
import type { Health } from './health.ts'
import type { Metrics } from './metrics.ts'

/** What a bound turns away. */
export const FLOODS = [
  'http-connection',
  'http-request',
  'event-stream',
  'swarm-connection',
  'wire',
  'dht-malformed',
  'dht-flood',
  'announce',
] as const
export type Flood = (typeof FLOODS)[number]

/** More than so many refusals in a minute are no accident. */
const FLOOD_REFUSALS = 100
const MINUTE_MS = 60_000

/**
 * Counts what a daemon's bounds turn away: by a metric, and while it is a flood by a note beside its checks in `/readyz` and a line in the
 * log at its beginning. A flood that bounds hold off makes nothing unready.
 */
export class FloodWatch {
  readonly #clock: Pick<Clock, 'now'>
  readonly #logger: Logger
  readonly #count: (what: Flood) => void
  #counts = new Map<Flood, number>()
  #last = new Map<Flood, number>()
  #minuteAt: number

  constructor(deps: { metrics: Metrics; health: Health; logger: Logger; clock?: Pick<Clock, 'now'> }) {
    this.#clock = deps.clock ?? steadyClock
    this.#logger = deps.logger
    this.#minuteAt = this.#clock.now()
    const refused = deps.metrics.counter({
      name: 'shoal_flood_refused_total',
      help: 'Connections, requests, messages and datagrams turned away because they were too many or malformed, by what they were.',
      labels: ['what'],
    })
    for (const what of FLOODS) refused.inc({ what }, 0)
    this.#count = (what) => refused.inc({ what })
    deps.health.note('floods', () => this.#note())
  }

  /** Something was turned away. */
  refused(what: Flood): void {
    this.#turn()
    this.#count(what)
    const count = (this.#counts.get(what) ?? 0) + 1
    this.#counts.set(what, count)
    if (count !== FLOOD_REFUSALS || (this.#last.get(what) ?? 0) >= FLOOD_REFUSALS) return
    this.#logger.warn({ what, refusals: count }, 'more is turned away than by accident')
  }

  /** What is a flood now; `undefined` when nothing is. Names nobody: whoever asks may see it. */
  #note(): string | undefined {
    this.#turn()
    const isFlood = (what: Flood) => Math.max(this.#counts.get(what) ?? 0, this.#last.get(what) ?? 0) >= FLOOD_REFUSALS
    const floods = FLOODS.filter(isFlood)
    return floods.length === 0 ? undefined : `turned away: ${floods.join(', ')}`
  }

  #turn(): void {
    const passedMs = this.#clock.now() - this.#minuteAt
    if (passedMs < MINUTE_MS) return
    this.#last = passedMs < 2 * MINUTE_MS ? this.#counts : new Map()
    this.#counts = new Map()
    this.#minuteAt = this.#clock.now()
  }
}
