import { type Clock, type Logger, steadyClock } from '@shoal/core'
import type { Health } from './health.ts'
import type { Metrics } from './metrics.ts'

/** What a bound turns away, and how people call it. */
const NAMES = {
  'http-connection': 'HTTP connections',
  'http-request': 'requests',
  'event-stream': 'event streams',
  'swarm-connection': 'connections to the swarm',
  wire: 'wires',
  lane: 'lanes',
  'dht-malformed': 'malformed datagrams of the DHT',
  'dht-flood': 'datagrams of the DHT',
  announce: 'announces',
  'tracker-connection': 'connections to the tracker',
  'glance-connection': 'connections to the Glance endpoint',
  'nbd-connection': 'NBD connections',
  'library-connection': 'connections to the library',
} as const
export type Flood = keyof typeof NAMES
export const FLOODS = Object.keys(NAMES) as readonly Flood[]

/** A flood that bounds hold off. */
export interface FloodReport {
  readonly what: Flood
  /** What was turned away, in words. */
  readonly name: string
  /** Refusals in the minute under way, or in the one before where they were more. */
  readonly refusals: number
  /** Where most came from, and about how many did; `undefined` where there is no address. */
  readonly from: { readonly address: string; readonly refusals: number } | undefined
}

/** More than so many refusals in a minute are no accident. */
const FLOOD_REFUSALS = 100
const MINUTE_MS = 60_000
/** Addresses that are counted: whoever sends much stays in the table, however many others there are (Metwally et al., 2005: Space-Saving). */
const MAX_ADDRESSES = 64

class Tally {
  refusals = 0
  readonly #byAddress = new Map<string, number>()

  add(address: string | undefined): void {
    this.refusals += 1
    if (address === undefined || address === '') return
    const known = this.#byAddress.get(address)
    if (known !== undefined || this.#byAddress.size < MAX_ADDRESSES) {
      this.#byAddress.set(address, (known ?? 0) + 1)
      return
    }
    const [least, count] = [...this.#byAddress].reduce((least, one) => (one[1] < least[1] ? one : least))
    this.#byAddress.delete(least)
    this.#byAddress.set(address, count + 1)
  }

  get most(): FloodReport['from'] {
    let most: FloodReport['from']
    for (const [address, refusals] of this.#byAddress) {
      if (refusals > (most?.refusals ?? 0)) most = { address, refusals }
    }
    return most
  }
}

/**
 * Counts what a daemon's bounds turn away: by a metric, and while it is a flood by a note beside its checks in `/readyz` and a line in the
 * log for each minute of it. A flood that bounds hold off makes nothing unready.
 */
export class FloodWatch {
  readonly #clock: Pick<Clock, 'now'>
  readonly #logger: Logger
  readonly #count: (what: Flood) => void
  readonly #onFlood: (flood: FloodReport) => void
  #tallies = new Map<Flood, Tally>()
  #last = new Map<Flood, Tally>()
  #minuteAt: number

  /** `onFlood` hears of each flood when it begins. */
  constructor(deps: {
    metrics: Metrics
    health: Health
    logger: Logger
    clock?: Pick<Clock, 'now'>
    onFlood?: (flood: FloodReport) => void
  }) {
    this.#clock = deps.clock ?? steadyClock
    this.#logger = deps.logger
    this.#onFlood = deps.onFlood ?? (() => {})
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

  /** Something was turned away; `address` says whose it was, where it is known. */
  refused(what: Flood, address?: string): void {
    this.#turn()
    this.#count(what)
    const tally = this.#tallies.get(what) ?? new Tally()
    this.#tallies.set(what, tally)
    tally.add(address)
    if (tally.refusals !== FLOOD_REFUSALS || (this.#last.get(what)?.refusals ?? 0) >= FLOOD_REFUSALS) return
    this.#log(what, tally, Math.max(this.#clock.now() - this.#minuteAt, 1))
    this.#onFlood(reportOf(what, tally))
  }

  /** What is a flood now, the greatest first. */
  list(): FloodReport[] {
    this.#turn()
    const floods: FloodReport[] = []
    for (const what of FLOODS) {
      const [now, last] = [this.#tallies.get(what), this.#last.get(what)]
      const tally = (now?.refusals ?? 0) >= (last?.refusals ?? 0) ? now : last
      if (tally === undefined || tally.refusals < FLOOD_REFUSALS) continue
      floods.push(reportOf(what, tally))
    }
    return floods.sort((a, b) => b.refusals - a.refusals)
  }

  /** Names nobody: whoever asks may see it. */
  #note(): string | undefined {
    const floods = this.list().map(({ what }) => what)
    return floods.length === 0 ? undefined : `turned away: ${floods.join(', ')}`
  }

  #log(what: Flood, tally: Tally, passedMs: number): void {
    const perSecond = Math.round((tally.refusals * 1000) / passedMs)
    const { address, refusals: ofAddress } = tally.most ?? {}
    const facts = { what, refusals: tally.refusals, perSecond, address, ofAddress }
    this.#logger.warn(facts, 'more is turned away than by accident')
  }

  #turn(): void {
    const passedMs = this.#clock.now() - this.#minuteAt
    if (passedMs < MINUTE_MS) return
    for (const [what, tally] of this.#tallies) {
      const wasTold = (this.#last.get(what)?.refusals ?? 0) < FLOOD_REFUSALS
      if (tally.refusals >= FLOOD_REFUSALS && !wasTold) this.#log(what, tally, MINUTE_MS)
    }
    this.#last = passedMs < 2 * MINUTE_MS ? this.#tallies : new Map()
    this.#tallies = new Map()
    this.#minuteAt = this.#clock.now()
  }
}

function reportOf(what: Flood, { refusals, most }: Tally): FloodReport {
  return { what, name: NAMES[what], refusals, from: most }
}
