import type { Event } from '@shoal/api'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { actorOption } from './actor-option.ts'
import { formatEvent } from './format.ts'

const DEFAULT_LAST = 50
const PAGE_EVENTS = 500

export const eventList = defineCommand({
  usage: 'event list',
  summary: 'List what happened, the latest last.',
  options: {
    last: { type: 'number', default: DEFAULT_LAST, requiresArg: true, describe: 'How many of the latest events' },
    actor: actorOption,
    after: { type: 'number', default: 0, requiresArg: true, describe: 'Only events with a higher id' },
  },
  run: async (context, args) => {
    const events = await readLast(context, args)
    context.output.show({ events }, () =>
      events.length === 0 ? 'Nothing happened.' : events.map(formatEvent).join('\n'),
    )
    return EXIT.ok
  },
})

/** The API reads forwards, so the latest are what is left when all were read. */
async function readLast(
  { client, signal }: CommandContext,
  { after, last, actor }: { after: number; last: number; actor: string | undefined },
): Promise<Event[]> {
  if (last === 0) return []
  let kept: Event[] = []
  let position = after
  for (;;) {
    const { events } = await client.listEvents({ query: { after: position, limit: PAGE_EVENTS, actor }, signal })
    kept = [...kept, ...events].slice(-last)
    position = events.at(-1)?.id ?? position
    if (events.length < PAGE_EVENTS) return kept
  }
}
