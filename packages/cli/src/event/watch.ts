import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { isTransient } from '../follow/transient.ts'
import { actorOption } from './actor-option.ts'
import { formatEvent } from './format.ts'

const RECONNECT_MS = 1000

export const eventWatch = defineCommand({
  usage: 'event watch',
  summary: 'Print events as they happen until interrupted; reads on where it was after a cut.',
  options: {
    actor: actorOption,
    after: { type: 'number', requiresArg: true, describe: 'Begin after this event id, not with what happens now' },
  },
  examples: [['event watch --json', 'one JSON object a line']],
  run: async (context, args) => {
    const position = { id: args.after, connected: false }
    for (;;) {
      try {
        await readStream(context, position, args.actor)
      } catch (error) {
        if (!position.connected || !isTransient(error)) throw error
        context.output.note('connection lost, connecting again')
      }
      await context.clock.sleep(RECONNECT_MS, { signal: context.signal })
    }
  },
})

async function readStream(
  { client, output, signal }: CommandContext,
  position: { id: number | undefined; connected: boolean },
  actor: string | undefined,
): Promise<void> {
  for await (const { data } of client.streamEvents({ query: { after: position.id, actor }, signal })) {
    position.id = data.id
    position.connected = true
    output.item(data, () => formatEvent(data))
  }
  // The service ended the stream, as it does when it stops: it was there.
  position.connected = true
}
