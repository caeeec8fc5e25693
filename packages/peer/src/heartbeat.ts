import type { Inventory, LayerFacts, LayerUses } from '@shoal/api'
import { type Clock, errorCode, type Logger } from '@shoal/core'
import { Alarm } from './alarm.ts'
import { jittered } from './back-off.ts'
import type { EventQueue } from './event-queue.ts'
import { InventoryReports } from './inventory-reports.ts'
import { isNoAnswer, type SeedLink } from './seed-link.ts'

/** An event goes out at once, but no two heartbeats are closer than this. */
const MIN_GAP_MS = 500
/**
 * What the seed knows of all layers is asked for so often: it changes slowly, and of what is new here it tells by itself.
 */
const FACTS_INTERVAL_MS = 60_000

export interface HeartbeatDeps {
  readonly seed: SeedLink
  readonly events: Pick<EventQueue, 'next' | 'length'>
  readonly inventory: () => Promise<Inventory>
  /** What was used and is not told yet. */
  readonly uses: () => { uses: LayerUses[]; acknowledge: () => void }
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** The seed told the revision of the desired state. */
  readonly onRevision: (revision: number) => void
  /** The seed told what it knows of the layers here: of all of them, or of some. */
  readonly onFacts: (facts: readonly LayerFacts[], told: { isAll: boolean }) => void
  /** The seed told the revision of its revocation list, where nodes have certificates. */
  readonly onRevocations: (revision: number | undefined) => void
  /** The seed does not know this node. */
  readonly onUnknown: () => void
}

/** Reports to the seed what this node holds and what happened here; events are sent until they are acknowledged. */
export class Heartbeat {
  readonly #deps: HeartbeatDeps
  readonly #options: { readonly node: string; readonly intervalMs: () => number }
  readonly #alarm: Alarm
  readonly #reports: InventoryReports
  #factsDueAt = Number.NEGATIVE_INFINITY

  constructor(deps: HeartbeatDeps, options: { node: string; intervalMs: () => number }) {
    this.#deps = deps
    this.#options = options
    this.#alarm = new Alarm(deps.clock)
    this.#reports = new InventoryReports({ sequence: deps.clock.now() })
  }

  /** Asks for a heartbeat soon. */
  hurry(): void {
    this.#alarm.ring()
  }

  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { clock, random } = this.#deps
    while (!signal.aborted) {
      const isMoreLeft = await this.beat({ signal })
      const gapMs = Math.min(MIN_GAP_MS, this.#options.intervalMs())
      await clock.sleep(gapMs, { signal })
      if (isMoreLeft) continue
      await this.#alarm.wait(Math.max(0, jittered(this.#options.intervalMs(), random) - gapMs), { signal })
    }
  }

  /** Sends one heartbeat; true when it was taken and more events wait, or the seed has to be told all layers. */
  async beat({ signal }: { signal: AbortSignal }): Promise<boolean> {
    const { seed, events, logger } = this.#deps
    const batch = events.next()
    try {
      const inventory = await this.#deps.inventory()
      const { node } = this.#options
      const { uses, acknowledge } = this.#deps.uses()
      const message = this.#reports.next(inventory)
      const wantsFacts = message.report !== undefined && this.#deps.clock.elapsed() >= this.#factsDueAt
      const body = { ...message, events: batch.events, uses, ...(wantsFacts ? { wantsFacts } : {}) }
      const answer = await seed.call((client) => client.heartbeat({ params: { node }, body, signal }))
      acknowledge()
      await batch.acknowledge()
      const isUpToDate = this.#reports.answered(answer)
      if (answer.layers !== undefined) this.#noteFacts(answer.layers, wantsFacts || message.report?.gone === undefined)
      this.#deps.onRevision(answer.revision)
      this.#deps.onRevocations(answer.revocations)
      if (!isUpToDate) return true
      return events.length > 0
    } catch (error) {
      if (signal.aborted) return false
      if (!isNoAnswer(error)) this.#reports.forget()
      if (errorCode(error) === 'SHOAL_NODE_UNKNOWN') this.#deps.onUnknown()
      else if (!isNoAnswer(error)) logger.warn({ code: errorCode(error), error }, 'heartbeat failed')
      // A seed of another version may refuse an event for good; that must not make this node look lost.
      if (errorCode(error) === 'SHOAL_HTTP_INVALID') await batch.acknowledge()
      return false
    }
  }

  #noteFacts(facts: readonly LayerFacts[], isAll: boolean): void {
    const { clock, random, onFacts } = this.#deps
    if (isAll) this.#factsDueAt = clock.elapsed() + jittered(FACTS_INTERVAL_MS, random)
    onFacts(facts, { isAll })
  }
}
