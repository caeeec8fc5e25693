import type { Event, PlanState, PrefetchRequest, PrefetchRuleRequest } from '@shoal/api'
import { ManualClock, ShoalError, silentLogger } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { EventJournal } from '../../src/events/event-journal.ts'
import { Catalogue } from '../../src/images/catalogue.ts'
import type { ImageRecord } from '../../src/images/image-record.ts'
import { PrefetchRules } from '../../src/rules/prefetch-rules.ts'
import type { PlanMaker } from '../../src/rules/rule-actor.ts'
import { layerDigest } from '../nodes/known-layers.ts'

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

interface MadePlan {
  readonly id: string
  readonly key: string | undefined
  readonly source: string
  readonly request: PrefetchRequest
}

/** Plans that are made at once, and stay running until a test says otherwise. */
export class StandInPlans implements PlanMaker {
  readonly made: MadePlan[] = []
  readonly states = new Map<string, PlanState>()
  /** Thrown instead of making a plan. */
  fault: unknown
  /** Called when a plan is made, before that is answered. */
  onMade: () => Promise<void> = async () => {}

  async create(request: PrefetchRequest, { source, idempotencyKey: key }: { source: string; idempotencyKey?: string }) {
    if (this.fault !== undefined) throw this.fault
    const known = this.made.find((plan) => key !== undefined && plan.key === key)
    if (known !== undefined) {
      if (JSON.stringify(known.request) !== JSON.stringify(request)) throw planFault('SHOAL_PLAN_IDEMPOTENCY')
      return { id: known.id }
    }
    const id = `plan-${this.made.length + 1}`
    this.made.push({ id, key, source, request })
    this.states.set(id, 'running')
    await this.onMade()
    return { id }
  }

  state(id: string): PlanState | undefined {
    return this.states.get(id)
  }

  /** Images of each plan. */
  images(): string[][] {
    return this.made.map(({ request }) => request.images.map(({ image }) => image))
  }

  endAll(): void {
    for (const id of this.states.keys()) this.states.set(id, 'done')
  }
}

export function planFault(code: string): ShoalError {
  return new ShoalError(code, `It went wrong: ${code}.`, { hint: 'None.' })
}

/** Rules over a state that survives {@link RulesFixture.restart}, with a clock and plans that obey. */
export class RulesFixture {
  readonly state: StateStore
  readonly clock: ManualClock
  readonly plans = new StandInPlans()
  readonly catalogue: Catalogue
  #journal: EventJournal | undefined
  #rules: PrefetchRules | undefined

  constructor(start: string, { clock = new ManualClock(), state = createMemoryState() } = {}) {
    this.clock = clock
    this.clock.advance(Date.parse(start) - this.clock.now())
    this.state = state
    this.catalogue = new Catalogue(state)
  }

  get rules(): PrefetchRules {
    if (this.#rules === undefined) throw new TypeError('the rules were not started')
    return this.#rules
  }

  /** Starts afresh from what is durable. What ran before is left as a crash leaves it. */
  readonly restart = async (): Promise<PrefetchRules> => {
    const { state, clock, catalogue, plans } = this
    const journal = new EventJournal({ state, clock }, { limit: 1000 })
    await journal.open()
    this.#journal = journal
    this.#rules = new PrefetchRules({ state, journal, catalogue, plans, clock, logger: silentLogger, checkTarget })
    await this.#rules.open()
    return this.#rules
  }

  /** Moves the clock to a time and lets the rules act. */
  readonly at = async (time: string): Promise<void> => {
    this.clock.advance(Date.parse(time) - this.clock.now())
    await this.rules.round()
  }

  /** Publishes an image now, and tells the rules unless the seed is said to crash before. */
  readonly publish = async (id: string, change: ImageChange = {}, { isTold = true } = {}): Promise<void> => {
    const finishedAt = new Date(this.clock.now()).toISOString()
    this.catalogue.putImage(buildImage(id, { createdAt: finishedAt, finishedAt, ...change }))
    if (isTold) await this.rules.noteImage(id)
  }

  readonly events = async (): Promise<Event[]> => {
    return (await this.#journal?.list({ limit: 1000 })) ?? []
  }

  readonly failures = async (): Promise<string[]> => {
    return (await this.events()).filter(({ type }) => type === 'rule.failed').map(({ message }) => message)
  }
}

function checkTarget(target: object): void {
  if (Object.keys(target).length === 0) throw planFault('SHOAL_PLAN_TARGETS')
}

/** Starts rules at a time. */
export async function startRules(start: string, options: ConstructorParameters<typeof RulesFixture>[1] = {}) {
  const fixture = new RulesFixture(start, options)
  await fixture.restart()
  return fixture
}

export interface ImageChange {
  readonly name?: string | null
  readonly tags?: readonly string[]
  readonly properties?: Readonly<Record<string, string>>
  readonly status?: ImageRecord['image']['status']
  readonly createdAt?: string
  readonly updatedAt?: string
  /** When its import ended; null: it was never imported. */
  readonly finishedAt?: string | null
  readonly deletedAt?: string
  readonly errorCode?: string
}

/** An image with the tag `golden`. */
export function buildImage(id: string, change: ImageChange = {}): ImageRecord {
  const { finishedAt = '2026-01-01T00:00:00.000Z', deletedAt = null, errorCode, ...image } = change
  const error = errorCode === undefined ? null : { code: errorCode, message: '', hint: '', details: {} }
  const bytes = { bytesRead: 1, bytesTotal: 1, libraryRequests: 1, startedAt: finishedAt }
  return {
    image: {
      ...{ id, name: id, status: 'active', visibility: 'public', diskFormat: 'qcow2', containerFormat: 'bare' },
      ...{ sizeBytes: 1, virtualSizeBytes: 1, osHashAlgo: null, osHashValue: null, checksum: null, owner: null },
      ...{ tags: ['golden'], properties: {}, createdAt: '2026-01-01T00:00:00Z', updatedAt: '2026-01-01T00:00:00Z' },
      ...image,
    },
    layer: finishedAt === null || error !== null ? null : layerDigest(1),
    import:
      finishedAt === null ? null : { state: error === null ? 'published' : 'failed', finishedAt, error, ...bytes },
    ...{ inspection: null, chain: null, layering: null, signature: null, deletedAt },
  }
}

/** Every night at 02:00 UTC, golden images to aggregate A. */
export function buildRule(change: Partial<PrefetchRuleRequest> = {}): PrefetchRuleRequest {
  return {
    ...{ enabled: true, on: 'schedule', cron: '0 2 * * *', timeZone: 'UTC' },
    ...{ images: { tag: 'golden' }, target: { aggregate: 'A' } },
    ...change,
  }
}
