import type { DashboardFrame } from '@shoal/api'
import { type Clock, errorMessage, type Logger } from '@shoal/core'
import { EncodedJson, type StreamMessage } from '@shoal/service'
import type { FleetPictures, Picture } from './fleet-picture.ts'
import type { RecentEvents } from './recent-events.ts'
import { RowChanges } from './row-changes.ts'
import type { TrafficLog } from './traffic-log.ts'

export interface DashboardFeedDeps {
  readonly pictures: Pick<FleetPictures, 'take' | 'drainEvents'>
  readonly events: Pick<RecentEvents, 'newest'>
  readonly traffic: Pick<TrafficLog, 'points'>
  readonly clock: Clock
  readonly logger: Logger
}

const TICK_MS = 1000
/** For so long after the last reader has gone the feed goes on: one whose connection was cut is back by then. */
const LINGER_MS = 60_000
/** What is kept for readers that come back or are slow; who is farther behind gets everything anew. */
const MAX_KEPT_FRAMES = 120
const MAX_KEPT_CHARS = 16 * 1024 ** 2

const TABLES = ['nodes', 'plans', 'layers', 'images', 'boots'] as const

/**
 * What dashboards are told: all there is when they come, then what changes, once a second. Each message is made once, whoever reads
 * it. Nothing is done while nobody looks.
 */
export class DashboardFeed {
  readonly #deps: DashboardFeedDeps
  /** Numbers of messages are those of one run of the seed. */
  readonly #epoch: string
  readonly #tables = Object.fromEntries(TABLES.map((name) => [name, new RowChanges()])) as Record<
    (typeof TABLES)[number],
    RowChanges
  >
  readonly #kept = new Map<number, string>()
  readonly #waiting = new Set<() => void>()
  #keptChars = 0
  #number = 0
  #overview = '{}'
  #whole: { number: number; json: string } | undefined
  #readers = 0
  #leftAt = 0
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #ticking: Promise<void> | undefined
  #tickedAt = Number.NEGATIVE_INFINITY

  constructor(deps: DashboardFeedDeps, options: { epoch: string }) {
    this.#deps = deps
    this.#epoch = options.epoch
  }

  get readers(): number {
    return this.#readers
  }

  /** It would go on for a while after the last reader has gone. */
  stop(): void {
    this.#stopping.abort(new Error('the seed is stopping'))
  }

  /** All there is, or what came after the message that is named, then what changes, until aborted. */
  async *subscribe({
    lastEventId,
    signal,
  }: {
    lastEventId: string | undefined
    signal: AbortSignal
  }): AsyncGenerator<StreamMessage<DashboardFrame>> {
    this.#readers += 1
    try {
      await this.#freshen()
      this.#running ??= this.#run()
      let told = this.#numberOf(lastEventId)
      while (!signal.aborted) {
        if (told === this.#number) await this.#next(signal)
        else {
          const json = told === undefined ? undefined : this.#kept.get(told + 1)
          told = json === undefined ? this.#number : (told ?? 0) + 1
          const data = new EncodedJson(json ?? this.#everything())
          yield { id: `${this.#epoch}-${told}`, event: 'frame', data }
        }
      }
    } finally {
      this.#readers -= 1
      this.#leftAt = this.#deps.clock.elapsed()
    }
  }

  /** The number of the last message that a reader got, if it is of this run and not of the future. */
  #numberOf(lastEventId: string | undefined): number | undefined {
    const [epoch, number] = (lastEventId ?? '').split('-')
    const told = Number(number)
    return epoch === this.#epoch && Number.isSafeInteger(told) && told > 0 && told <= this.#number ? told : undefined
  }

  /** One who comes after a pause does not see what was a minute ago. */
  async #freshen(): Promise<void> {
    if (this.#deps.clock.elapsed() - this.#tickedAt > TICK_MS) await this.#tick()
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps
    const { signal } = this.#stopping
    while (!signal.aborted && (this.#readers > 0 || clock.elapsed() - this.#leftAt < LINGER_MS)) {
      await clock.sleep(TICK_MS, { signal }).catch(() => {})
      if (!signal.aborted) await this.#tick()
    }
    this.#running = undefined
  }

  #tick(): Promise<void> {
    this.#ticking ??= this.#makeFrame().finally(() => {
      this.#ticking = undefined
    })
    return this.#ticking
  }

  async #makeFrame(): Promise<void> {
    try {
      const picture = await this.#deps.pictures.take()
      this.#tickedAt = this.#deps.clock.elapsed()
      this.#overview = JSON.stringify(picture.overview)
      const tables = this.#changesOf(picture)
      const events = JSON.stringify(this.#deps.pictures.drainEvents())
      this.#number += 1
      this.#keep(
        this.#number,
        `{"isWhole":false,"overview":${this.#overview},${tables},"history":[],"events":${events}}`,
      )
      for (const wake of [...this.#waiting]) wake()
    } catch (error) {
      this.#deps.logger.error({ reason: errorMessage(error), error }, 'what dashboards are told could not be made')
    }
  }

  #changesOf({ nodes, plans, layers, images, boots }: Picture): string {
    const {
      nodes: nodeTable,
      plans: planTable,
      layers: layerTable,
      images: imageTable,
      boots: bootTable,
    } = this.#tables
    const texts = {
      nodes: nodeTable.take(nodes, ({ id }) => id),
      plans: planTable.take(plans, ({ id }) => id ?? ''),
      layers: layerTable.take(layers, ({ digest }) => digest),
      images: imageTable.take(images, ({ id }) => id),
      boots: bootTable.take(boots, ({ id }) => id),
    }
    return TABLES.map((name) => `"${name}":${texts[name]}`).join(',')
  }

  #everything(): string {
    if (this.#whole?.number === this.#number) return this.#whole.json
    const tables = TABLES.map((name) => `"${name}":${this.#tables[name].all()}`).join(',')
    const events = JSON.stringify(this.#deps.events.newest)
    const history = JSON.stringify(this.#deps.traffic.points)
    const json = `{"isWhole":true,"overview":${this.#overview},${tables},"history":${history},"events":${events}}`
    this.#whole = { number: this.#number, json }
    return json
  }

  #keep(number: number, json: string): void {
    this.#kept.set(number, json)
    this.#keptChars += json.length
    for (const [oldest, text] of this.#kept) {
      if (this.#kept.size <= MAX_KEPT_FRAMES && this.#keptChars <= MAX_KEPT_CHARS) return
      if (oldest === number) return
      this.#kept.delete(oldest)
      this.#keptChars -= text.length
    }
  }

  #next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#waiting.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }
}
