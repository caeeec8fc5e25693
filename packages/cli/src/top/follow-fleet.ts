import type { CommandContext } from '../context.ts'
import { createReconnect } from '../prefetch/reconnect.ts'
import type { FleetPicture } from './fleet-picture.ts'

/** Keeps a picture up to date until aborted, which it throws; connects again when the stream is cut, and says when it is. */
export async function followFleet(
  context: Pick<CommandContext, 'client' | 'clock'> & { readonly signal: AbortSignal },
  picture: FleetPicture,
  onChange: (isCut: boolean) => void,
): Promise<never> {
  const { client, signal } = context
  const reconnect = createReconnect(context)
  let lastEventId: string | undefined
  for (;;) {
    try {
      for await (const { id, data } of client.streamDashboard({ lastEventId, signal })) {
        reconnect.succeeded()
        lastEventId = id
        picture.apply(data)
        onChange(false)
      }
      // It was ended by a seed that stops.
    } catch (error) {
      signal.throwIfAborted()
      // What never answered is not waited for.
      if (picture.overview === undefined) throw error
      reconnect.check(error)
    }
    signal.throwIfAborted()
    onChange(true)
    await reconnect.pause()
  }
}
