import type { Event, EventType } from '@shoal/api'
import type { EventJournal } from '../events/event-journal.ts'

/** For so long an event speaks against the health of the swarm. */
const RECENT_MS = 10 * 60_000
const PAGE = 1000
/** A reader that is farther behind goes on from here: the rest is in the journal. */
const MAX_BEHIND = 5000
/** So many of the newest are shown to those who come. */
const KEPT = 200

/** The newest events, read from the journal as they come. */
export class RecentEvents {
  readonly #journal: Pick<EventJournal, 'list' | 'lastId'>
  #after: number | undefined
  #newest: Event[] = []
  #recent: Event[] = []

  constructor(journal: Pick<EventJournal, 'list' | 'lastId'>) {
    this.#journal = journal
  }

  /** The newest, the oldest of them first. */
  get newest(): readonly Event[] {
    return this.#newest
  }

  /** Reads what has come; the events that are new, the oldest first. */
  async catchUp(now: number): Promise<Event[]> {
    const { lastId } = this.#journal
    const fresh: Event[] = []
    let after = Math.max(this.#after ?? 0, lastId - MAX_BEHIND)
    while (after < lastId) {
      const page = await this.#journal.list({ after, limit: PAGE })
      fresh.push(...page)
      after = page.length === 0 ? lastId : (page.at(-1)?.id ?? lastId)
    }
    this.#after = after
    this.#newest = [...this.#newest, ...fresh].slice(-KEPT)
    this.#recent = [...this.#recent, ...fresh].filter(({ at }) => Date.parse(at) > now - RECENT_MS)
    return fresh.slice(-PAGE)
  }

  /** How many of each type there were lately. */
  counts(): Partial<Record<EventType, number>> {
    const counts: Partial<Record<EventType, number>> = {}
    for (const { type } of this.#recent) counts[type] = (counts[type] ?? 0) + 1
    return counts
  }

  /** How many of them carry this error code. */
  withCode(code: string): number {
    return this.#recent.filter(({ details }) => details.code === code).length
  }
}
