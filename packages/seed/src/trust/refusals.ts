import type { Clock, Logger } from '@shoal/core'
import type { CallerRefusal } from '@shoal/service'
import type { EventJournal } from '../events/event-journal.ts'

/** The same refusal is journalled once in this time, however often it happens. */
const REPEATED_MS = 10 * 60_000
/** Refusals of different kinds or senders that are journalled in that time: a flood of them must not push out everything else. */
const MAX_JOURNALLED = 100
const SENTENCES: Readonly<Record<string, string>> = {
  SHOAL_HTTP_UNAUTHORIZED: 'it showed no certificate',
  SHOAL_HTTP_OTHER_NODE: 'it spoke for another node',
  SHOAL_HTTP_FORBIDDEN: 'it is not for nodes',
  SHOAL_TRUST_UNKNOWN_AUTHORITY: 'its certificate is of another authority',
  SHOAL_TRUST_EXPIRED: 'its certificate is over, or not valid yet',
  SHOAL_TRUST_REVOKED: 'its certificate was revoked',
  SHOAL_TRUST_NAME: 'its certificate names no node of this cluster',
  SHOAL_TRUST_MALFORMED: 'its certificate is malformed',
  SHOAL_TRUST_REQUEST: 'its certificate request is malformed',
  SHOAL_TRUST_JOIN_TOKEN: 'its join token is malformed',
  SHOAL_JOIN_REFUSED: 'its join token does not hold',
  SHOAL_LAYER_NOT_ASSIGNED: 'it asked for a layer that it is not to have',
}

/** Takes note of callers that were turned away: a log line and a count for each, an event for each kind and sender now and then. */
export class Refusals {
  readonly #deps: {
    readonly journal: Pick<EventJournal, 'append'>
    readonly clock: Pick<Clock, 'now'>
    readonly logger: Logger
    readonly count: (reason: string) => void
  }
  /** When each was journalled last, the oldest first. */
  readonly #journalled = new Map<string, number>()

  constructor(deps: {
    journal: Pick<EventJournal, 'append'>
    clock: Pick<Clock, 'now'>
    logger: Logger
    count: (reason: string) => void
  }) {
    this.#deps = deps
  }

  /** `details` go into the event; they hold nothing secret. */
  note({ code, node, operation, address }: CallerRefusal, details: Readonly<Record<string, string>> = {}): void {
    const { journal, clock, logger, count } = this.#deps
    const known = SENTENCES[code]
    count(known === undefined ? 'other' : code)
    logger.warn({ code, node, operation, address, ...details }, 'caller refused')
    const now = clock.now()
    const key = `${code} ${node ?? ''} ${address}`
    for (const [old, at] of this.#journalled) if (at <= now - REPEATED_MS) this.#journalled.delete(old)
    if (this.#journalled.has(key) || this.#journalled.size >= MAX_JOURNALLED) return
    this.#journalled.set(key, now)
    const who = node === undefined ? 'A caller' : `Node ${node}`
    const message = `${who} at ${address} was refused: ${known ?? code}.`
    const about = node === undefined ? {} : { node, actor: `node:${node}` }
    const draft = {
      type: 'node.refused' as const,
      message,
      details: { code, operation, address, ...details },
      ...about,
    }
    journal.append([draft]).catch((error: unknown) => logger.error({ error }, 'a refusal was not journalled'))
  }
}
