import { type AuditEntry, isActor } from '@shoal/api'
import { type Clock, errorMessage, type Logger } from '@shoal/core'
import type { AuditFact } from '@shoal/service'
import type { StateOperation, StateStore } from '@shoal/state'

export interface AuditLogDeps {
  readonly state: Pick<StateStore, 'range' | 'batch'>
  readonly clock: Pick<Clock, 'now'>
  readonly logger: Logger
}

const PREFIX = 'seed/audit/'
/** Entries that wait for a disk that cannot be written. */
const MAX_UNWRITTEN = 1000
const DROPPED_AN_ENTRY = 100
/** Whoever is refused all the time must not push out what others did. */
const REFUSALS_A_MINUTE = 60
const MINUTE_MS = 60_000
const keyOf = (id: number) => `${PREFIX}${String(id).padStart(16, '0')}`

/**
 * Who changed what over the API, and who was refused: durable, bounded, in its own table, so that refusals cannot push
 * out the events of the fleet. Each entry is also a line of the log, for those who collect logs elsewhere.
 */
export class AuditLog {
  readonly #deps: AuditLogDeps
  readonly #limit: number
  #lastId = 0
  #firstId = 1
  #unwritten: StateOperation[] = []
  #writing: Promise<void> | undefined
  #minute = { startedAt: 0, refusals: 0 }
  #skipped = 0

  constructor(deps: AuditLogDeps, options: { readonly limit: number }) {
    this.#deps = deps
    this.#limit = options.limit
  }

  /** Finds where the ids go on. To be called once, before anything else. */
  async open(): Promise<void> {
    const { state } = this.#deps
    for await (const { value } of state.range<AuditEntry>({ prefix: PREFIX, limit: 1, reverse: true })) {
      this.#lastId = value.id
    }
    this.#firstId = this.#lastId + 1
    for await (const { value } of state.range<AuditEntry>({ prefix: PREFIX, limit: 1 })) this.#firstId = value.id
  }

  /** Takes a fact in; it is durable soon. Changes are told in the event journal too, in one step with the change. */
  note(fact: AuditFact): void {
    if (fact.outcome === 'refused' && this.#isTooMany(fact.at)) {
      this.#skipped += 1
      return
    }
    const { at, ...rest } = fact
    this.#deps.logger.info({ ...rest, skipped: this.#skipped }, 'audit')
    this.#lastId += 1
    const entry: AuditEntry = { id: this.#lastId, at: new Date(at).toISOString(), ...rest, skipped: this.#skipped }
    this.#skipped = 0
    this.#unwritten.push({ type: 'put', key: keyOf(entry.id), value: entry })
    const end = Math.min(this.#lastId - this.#limit, this.#firstId + DROPPED_AN_ENTRY - 1)
    for (; this.#firstId <= end; this.#firstId += 1) this.#unwritten.push({ type: 'delete', key: keyOf(this.#firstId) })
    this.#unwritten.splice(0, this.#unwritten.length - MAX_UNWRITTEN)
    this.#writing ??= this.#write()
  }

  /** Resolves when everything that was noted is written, or could not be. */
  async flush(): Promise<void> {
    await this.#writing
  }

  /** Entries with a higher id than `after`, the oldest first, narrowed by actor and outcome. */
  async list(options: {
    after?: number | undefined
    limit: number
    actor?: string | undefined
    outcome?: AuditEntry['outcome'] | undefined
  }): Promise<AuditEntry[]> {
    const { after = 0, limit, actor, outcome } = options
    await this.flush()
    const entries: AuditEntry[] = []
    for await (const { value } of this.#deps.state.range<AuditEntry>({ prefix: PREFIX, after: keyOf(after) })) {
      const isMeant = actor === undefined || isActor(value.actor, actor)
      if (isMeant && (outcome === undefined || value.outcome === outcome)) entries.push(value)
      if (entries.length >= limit) break
    }
    return entries
  }

  #isTooMany(now: number): boolean {
    if (Math.abs(now - this.#minute.startedAt) >= MINUTE_MS) this.#minute = { startedAt: now, refusals: 0 }
    this.#minute.refusals += 1
    return this.#minute.refusals > REFUSALS_A_MINUTE
  }

  async #write(): Promise<void> {
    // A turn of the event loop lets entries of the same moment share the batch.
    await Promise.resolve()
    while (this.#unwritten.length > 0) {
      const batch = this.#unwritten
      this.#unwritten = []
      try {
        await this.#deps.state.batch(batch)
      } catch (error) {
        this.#deps.logger.error({ reason: errorMessage(error) }, 'the audit log was not written')
        // They go with the next entry.
        this.#unwritten = [...batch, ...this.#unwritten].slice(-MAX_UNWRITTEN)
        break
      }
    }
    this.#writing = undefined
  }
}
