import { createParser } from 'eventsource-parser'

/** One server-sent event as it arrived; `data` is still text. */
export interface ServerSentEvent {
  readonly id: string | undefined
  readonly event: string
  readonly data: string
}

/** An event larger than this is no event of ours: a dashboard's first one has a row for each of 10,000 nodes and their layers. */
const MAX_EVENT_CHARACTERS = 32 * 1024 ** 2

/**
 * Parses a body of server-sent events (HTML Living Standard, 9.2). `onActivity` is called whenever bytes arrive, comments
 * included. It ends when the body ends or the signal fires, and throws a RangeError when one event is larger than 32 MiB.
 */
export async function* parseEventStream(
  body: ReadableStream<Uint8Array>,
  options: { onActivity?: () => void; signal?: AbortSignal } = {},
): AsyncGenerator<ServerSentEvent, void> {
  const ready: ServerSentEvent[] = []
  // Comments count too, or they could hide an event that never ends; an idle stream takes weeks to reach the bound by them.
  let pendingCharacters = 0
  const parser = createParser({
    onEvent: ({ id, event, data }) => {
      pendingCharacters = 0
      ready.push({ id, event: event ?? 'message', data })
    },
  })
  const reader = body.getReader()
  const decoder = new TextDecoder()
  const onAbort = () => void reader.cancel().catch(() => {})
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted) onAbort()
  try {
    while (true) {
      const { done, value } = await reader.read()
      if (done) return
      options.onActivity?.()
      const text = decoder.decode(value, { stream: true })
      pendingCharacters += text.length
      parser.feed(text)
      yield* ready.splice(0)
      if (pendingCharacters > MAX_EVENT_CHARACTERS) throw new RangeError('an event is larger than 32 MiB')
    }
  } finally {
    options.signal?.removeEventListener('abort', onAbort)
    // The reader may leave in the middle: the connection is of no use to anyone else.
    await reader.cancel().catch(() => {})
  }
}
