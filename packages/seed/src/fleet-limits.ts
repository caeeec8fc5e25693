import { isDeepStrictEqual } from 'node:util'
import type {
  Actor,
  Limits,
  LimitsChange,
  LimitsOverride,
  LimitsSchedule,
  LimitsScheduleStatus,
  LimitsStatus,
  LimitsWindow,
  NodeLimits,
} from '@shoal/api'
import { type Clock, NO_TRANSFER_LIMITS, TokenBucket, TransferLimits } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import type { EventDraft, EventJournal } from './events/event-journal.ts'
import { type ActiveWindow, activeWindow } from './limits/active-window.ts'
import { checkWindows } from './limits/check-windows.ts'
import { changedOverride, layeredLimits } from './limits/layered-limits.ts'
import { areOther, limitEvents, scheduleEvents, windowEvents } from './limits/limit-events.ts'
import type { Assignments } from './nodes/assignments.ts'

export interface FleetLimitsDeps {
  readonly state: StateStore
  readonly journal: Pick<EventJournal, 'append'>
  readonly assignments: Pick<Assignments, 'renew'>
  /** A steady one: setting the machine's clock must not stall a transfer. */
  readonly clock: Clock
  /** The one on the wall, which the schedule goes by. */
  readonly wallClock: Clock
}

interface LimitsRecord {
  readonly set: LimitsOverride
  /** What the nodes were told last; it differs from what holds when the configuration was changed meanwhile. */
  readonly told: NodeLimits
  /** Absent in records of earlier versions, as is the next. */
  readonly windows?: readonly LimitsWindow[]
  /** The one that held last. */
  readonly window?: string | null
}

const KEY = 'seed/limits'
/** The clock on the wall may be set, and a machine may sleep: time is looked at this often at least. */
const LONGEST_REST_MS = 30_000
/** When nothing changes soon, the schedule is looked at this often: what is far away is not seen at once. */
const LOOK_AGAIN_MS = 86_400_000

/**
 * The limits of the whole fleet: what an operator has set, else what the schedule says at the time, else the
 * configuration. What was set and the schedule survive restarts. A change holds at the seed at once, and at the nodes as
 * soon as they have fetched their desired state.
 */
export class FleetLimits {
  /** What imports wait for. */
  readonly library: TokenBucket
  /** What the origin waits for. */
  readonly origin: TransferLimits
  readonly #deps: FleetLimitsDeps
  readonly #configured: Limits
  #set: LimitsOverride = {}
  #windows: readonly LimitsWindow[] = []
  #active: ActiveWindow = { window: null, untilMs: null }
  #activeSinceMs = 0
  #effective: Limits
  /** Undefined when it is not certain. */
  #told: NodeLimits | undefined
  #otherSchedule = new AbortController()

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
    this.#told = record?.told ?? NO_TRANSFER_LIMITS
    this.#set = record?.set ?? {}
    this.#windows = record?.windows ?? []
    const window = this.#windows.find(({ name }) => name === record?.window) ?? null
    this.#active = { window, untilMs: null }
    this.#hold()
    await this.#save(this.#follow())
  }

  get effective(): Limits {
    return this.#effective
  }

  status(): LimitsStatus {
    const { window } = this.#active
    return {
      configured: this.#configured,
      scheduled: window === null ? null : { window: window.name, limits: window.limits },
      set: this.#set,
      effective: this.#effective,
      nextChangeAt: this.#nextChangeAt(),
    }
  }

  schedule(): LimitsScheduleStatus {
    const { window } = this.#active
    return { windows: [...this.#windows], active: window?.name ?? null, nextChangeAt: this.#nextChangeAt() }
  }

  /** Sets what is named. It holds when this returns, and is durable when the promise resolves. */
  async change(change: LimitsChange, actor?: Actor): Promise<LimitsStatus> {
    const before = this.#effective
    const set = changedOverride(this.#set, change)
    if (JSON.stringify(set) === JSON.stringify(this.#set)) return this.status()
    this.#set = set
    this.#hold()
    await this.#save(limitEvents(before, this.#effective, actor))
    return this.status()
  }

  /**
   * Sets the whole schedule, as {@link change} does a limit. Throws `SHOAL_LIMITS_WINDOW_NAME` and `SHOAL_LIMITS_TIME_ZONE`
   * before any change.
   */
  async setSchedule({ windows }: LimitsSchedule, actor?: Actor): Promise<LimitsScheduleStatus> {
    checkWindows(windows)
    if (isDeepStrictEqual(windows, this.#windows)) return this.schedule()
    this.#windows = windows
    const drafts = [...scheduleEvents(windows, actor), ...this.#follow()]
    this.#otherSchedule.abort()
    this.#otherSchedule = new AbortController()
    await this.#save(drafts)
    return this.schedule()
  }

  /** Follows the schedule until the signal aborts. What could not be written is tried again. */
  async run({ signal, onError }: { signal: AbortSignal; onError: (error: unknown) => void }): Promise<void> {
    const { wallClock } = this.#deps
    while (!signal.aborted) {
      const restMs = (this.#active.untilMs ?? Number.POSITIVE_INFINITY) - wallClock.now()
      const woken = AbortSignal.any([signal, this.#otherSchedule.signal])
      await wallClock.sleep(Math.min(Math.max(restMs, 0), LONGEST_REST_MS), { signal: woken }).catch(() => {})
      if (signal.aborted) return
      if (this.#isDue() || this.#told === undefined) await this.#save(this.#follow()).catch(onError)
    }
  }

  /** Whether another window may hold by now, also when the clock was set back. */
  #isDue(): boolean {
    const now = this.#deps.wallClock.now()
    const untilMs = Math.min(this.#active.untilMs ?? Number.POSITIVE_INFINITY, this.#activeSinceMs + LOOK_AGAIN_MS)
    return now < this.#activeSinceMs || now >= untilMs
  }

  /** Lets the window of now hold; gives the events of that. */
  #follow(): EventDraft[] {
    const before = { limits: this.#effective, window: this.#active.window?.name ?? null }
    this.#activeSinceMs = this.#deps.wallClock.now()
    this.#active = activeWindow(this.#windows, this.#activeSinceMs)
    this.#hold()
    return windowEvents(before, { limits: this.#effective, window: this.#active.window?.name ?? null })
  }

  #hold(): void {
    this.#effective = layeredLimits(this.#configured, this.#active.window?.limits ?? {}, this.#set)
    const { libraryBytesPerSecond, seedUpBytesPerSecond } = this.#effective
    this.library.setRate(libraryBytesPerSecond ?? Number.POSITIVE_INFINITY)
    this.origin.set({ upBytesPerSecond: seedUpBytesPerSecond })
  }

  #nextChangeAt(): string | null {
    const { untilMs } = this.#active
    return untilMs === null ? null : new Date(untilMs).toISOString()
  }

  async #save(drafts: EventDraft[]): Promise<void> {
    const { journal, assignments } = this.#deps
    const { node: told } = this.#effective
    const window = this.#active.window?.name ?? null
    const record: LimitsRecord = { set: this.#set, told, windows: this.#windows, window }
    const isNews = this.#told === undefined || areOther({ ...this.#told }, { ...told })
    const renewal = isNews ? assignments.renew() : { operations: [], announce: () => {} }
    // Already: a change that comes before this one is written must tell again what it takes back.
    this.#told = told
    try {
      await journal.append(drafts, [{ type: 'put', key: KEY, value: record }, ...renewal.operations])
    } catch (error) {
      this.#told = undefined
      throw error
    }
    renewal.announce()
  }
}
