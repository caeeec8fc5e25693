import { type Event, isActor, operations, PAGE_LIMIT } from '@shoal/api'
import { type HttpApp, registerOperation, type StreamMessage } from '@shoal/service'
import type { EventJournal } from '../events/event-journal.ts'

export function addEventRoutes(app: HttpApp, { journal }: { journal: EventJournal }): void {
  registerOperation(app, operations.listEvents, async ({ query }) => ({
    events: await journal.list({ ...query, limit: query.limit ?? PAGE_LIMIT.default }),
  }))
  registerOperation(app, operations.streamEvents, ({ query, lastEventId, signal }) => {
    // A reconnecting reader repeats its first URL; what it has read last is in the header.
    const read = Number(lastEventId ?? Number.NaN)
    const after = Number.isSafeInteger(read) && read >= 0 ? read : query.after
    return messages(journal.subscribe({ after, signal }), query.actor)
  })
}

async function* messages(events: AsyncIterable<Event>, actor?: string): AsyncGenerator<StreamMessage<Event>> {
  for await (const event of events) {
    if (actor === undefined || isActor(event.actor, actor)) yield { id: event.id, event: event.type, data: event }
  }
}
