import { errorMessage, type Logger } from '@shoal/core'
import type { EventJournal } from '../events/event-journal.ts'
import type { Assignments } from '../nodes/assignments.ts'

/** Makes the function that tells all nodes at once, by their desired state, that there is something new of whom and what they trust. */
export function createTrustTeller(deps: {
  readonly assignments: Pick<Assignments, 'renew'>
  readonly journal: Pick<EventJournal, 'append'>
  readonly logger: Logger
}): () => void {
  const { assignments, journal, logger } = deps
  return () => {
    const { operations, announce } = assignments.renew()
    journal.append([], operations).then(announce, (error: unknown) => {
      // They hear of it with their next heartbeat, or when they register.
      logger.error({ reason: errorMessage(error) }, 'nodes are not told of a change of trust at once')
    })
  }
}
