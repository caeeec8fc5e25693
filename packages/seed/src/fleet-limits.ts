import type { Limits, LimitsChange, LimitsOverride, LimitsStatus, NodeLimits } from '@shoal/api'
import { type Clock, NO_TRANSFER_LIMITS, TokenBucket, TransferLimits } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import type { EventDraft, EventJournal } from './events/event-journal.ts'
import type { Assignments } from './nodes/assignments.ts'

export interface FleetLimitsDeps {
  readonly state: StateStore
  readonly journal: Pick<EventJournal, 'append'>
  readonly assignments: Pick<Assignments, 'renew'>
  /** A steady one: setting the machine's clock must not stall a transfer. */
  readonly clock: Clock
}

interface LimitsRecord {
  readonly set: LimitsOverride
  /** What the nodes were told last; it differs from what holds when the configuration was changed meanwhile. */
  readonly told: NodeLimits
}

const KEY = 'seed/limits'

/**
 * The limits of the whole fleet: what the configuration says, unless an operator has set something else, which survives
 * restarts. A change holds at the seed at once, and at the nodes as soon as they have fetched their desired state.
 */
export class FleetLimits {
  /** What imports wait for. */
  readonly library: TokenBucket
  /** What the origin waits for. */
  readonly origin: TransferLimits
  readonly #deps: FleetLimitsDeps
  readonly #configured: Limits
  #set: LimitsOverride = {}
  #effective: Limits

  constructor(deps: FleetLimitsDeps, configured: Limits) {
    this.#deps = deps
    this.#configured = configured
    this.#effective = configured
    this.library = new TokenBucket(deps.clock, { rateBytesPerSecond: Number.POSITIVE_INFINITY })
    this.origin = new TransferLimits(deps.clock)
  }

  /** Finds what was set and lets it hold. To be called once, before anything is transferred. */
  async open(): Promise<void> {
    const record = (await this.#deps.state.get<LimitsRecord>(KEY))?.value
    this.#hold(record?.set ?? {})
    await this.#save([], record?.told ?? NO_TRANSFER_LIMITS)
  }

  get effective(): Limits {
    return this.#effective
  }

  status(): LimitsStatus {
    return { configured: this.#configured, set: this.#set, effective: this.#effective }
  }

  /** Sets what is named. It holds when this returns, and is durable when the promise resolves. */
  async change(change: LimitsChange): Promise<LimitsStatus> {
    const before = this.#effective
    const set = merged(this.#set, change)
    if (JSON.stringify(set) === JSON.stringify(this.#set)) return this.status()
    this.#hold(set)
    await this.#save(changes(before, this.#effective), before.node)
    return this.status()
  }

  #hold(set: LimitsOverride): void {
    this.#set = set
    this.#effective = { ...this.#configured, ...set, node: { ...this.#configured.node, ...set.node } }
    const { libraryBytesPerSecond, seedUpBytesPerSecond } = this.#effective
    this.library.setRate(libraryBytesPerSecond ?? Number.POSITIVE_INFINITY)
    this.origin.set({ upBytesPerSecond: seedUpBytesPerSecond })
  }

  async #save(drafts: EventDraft[], told: NodeLimits): Promise<void> {
    const { journal, assignments } = this.#deps
    const record: LimitsRecord = { set: this.#set, told: this.#effective.node }
    const isNews = Object.keys(difference({ ...told }, { ...record.told })).length > 0
    const renewal = isNews ? assignments.renew() : { operations: [], announce: () => {} }
    await journal.append(drafts, [{ type: 'put', key: KEY, value: record }, ...renewal.operations])
    renewal.announce()
  }
}

type Rates = Readonly<Record<string, number | null>>

/** What is set after a change. */
function merged({ node: nodeBefore, ...before }: LimitsOverride, { node, ...change }: LimitsChange): LimitsOverride {
  const nodeNow = overridden({ ...nodeBefore }, { ...node })
  const now = overridden(before, change)
  return Object.keys(nodeNow).length === 0 ? now : { ...now, node: nodeNow }
}

function overridden(set: Rates, change: Readonly<Record<string, number | null | 'configured'>>): Rates {
  const now = new Map<string, number | null>(Object.entries(set))
  for (const [name, rate] of Object.entries(change)) {
    if (rate === 'configured') now.delete(name)
    else now.set(name, rate)
  }
  // In one order, so that the same is seen to be the same.
  return Object.fromEntries([...now].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The rates that are not what they were. */
function difference(before: Rates, now: Rates): Rates {
  return Object.fromEntries(Object.entries(now).filter(([name, rate]) => before[name] !== rate))
}

/** The event that tells of a change, if it changes what holds. */
function changes({ node: nodeBefore, ...before }: Limits, { node, ...now }: Limits): EventDraft[] {
  const ofNode = Object.entries(difference({ ...nodeBefore }, { ...node }))
  const details = {
    ...difference(before, now),
    ...Object.fromEntries(ofNode.map(([name, rate]) => [`node.${name}`, rate])),
  }
  const names = Object.entries(details).map(([name, rate]) => `${name} ${rate ?? 'none'}`)
  return names.length === 0
    ? []
    : [{ type: 'limits.changed', message: `Limits changed: ${names.join(', ')}.`, details }]
}
