import type { Clock } from '@shoal/core'
import type { EventJournal } from '../events/event-journal.ts'
import { type NodeEntry, putNode } from './node-entry.ts'
import { transition } from './node-record.ts'
import type { NodeTable } from './node-table.ts'
import type { checkReachability, Reachability } from './reachability.ts'

export interface ReachabilityChecksDeps {
  readonly table: NodeTable
  readonly journal: Pick<EventJournal, 'append'>
  readonly clock: Clock
  readonly check: typeof checkReachability
}

const CHECKS_AT_ONCE = 16

/** Whether others can connect to the nodes: looked at when one registers, and again now and then. */
export class ReachabilityChecks {
  readonly #deps: ReachabilityChecksDeps
  readonly #options: { readonly intervalMs: number; readonly timeoutMs: number }

  constructor(deps: ReachabilityChecksDeps, options: { intervalMs: number; timeoutMs: number }) {
    this.#deps = deps
    this.#options = options
  }

  /** Connects to an address as another node would. Never throws. */
  check(address: string, signal: AbortSignal | undefined): Promise<Reachability> {
    const { timeoutMs } = this.#options
    return this.#deps.check(address, { timeoutMs, ...(signal === undefined ? {} : { signal }) })
  }

  /** Connects again to the nodes whose last check is old. Takes long when a firewall swallows the attempts. */
  async again({ signal }: { signal: AbortSignal }): Promise<void> {
    const { table, clock } = this.#deps
    const now = clock.elapsed()
    const due = [...table.entries()].filter(
      ({ record, checkedAt }) => !record.isLost && now - checkedAt >= this.#options.intervalMs,
    )
    for (let start = 0; start < due.length && !signal.aborted; start += CHECKS_AT_ONCE) {
      await Promise.all(due.slice(start, start + CHECKS_AT_ONCE).map((entry) => this.#recheck(entry, signal)))
    }
  }

  async #recheck(entry: NodeEntry, signal: AbortSignal): Promise<void> {
    const { table, journal, clock } = this.#deps
    const { swarmAddress } = entry.record.registration
    const found = await this.check(swarmAddress, signal)
    if (signal.aborted || entry.record.registration.swarmAddress !== swarmAddress) return
    entry.checkedAt = clock.elapsed()
    const record = { ...entry.record, reachable: found.reachable, reachability: found.message }
    const drafts = transition(entry.record, record)
    table.replace(entry, record)
    if (drafts.length > 0) await journal.append(drafts, [putNode(record)])
  }
}
