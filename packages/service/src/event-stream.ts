import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { serviceError } from './errors.ts'

/** JSON that was made once for many readers. */
export class EncodedJson {
  readonly json: string

  constructor(json: string) {
    this.json = json
  }
}

/** One server-sent event; `data` is sent as JSON. */
export interface StreamMessage<T = unknown> {
  id?: string | number
  event: string
  data: T | EncodedJson
}

export interface EventStreamOptions {
  /** Ends the stream. */
  signal?: AbortSignal | undefined
  /** Time between comments that keep proxies and clients from giving up; 15 s when absent. */
  keepAliveMs?: number | undefined
  /** A client that takes nothing for this long is cut; 60 s when absent. */
  stallMs?: number | undefined
}

const DEFAULT_KEEP_ALIVE_MS = 15_000
const DEFAULT_STALL_MS = 60_000

/** Of all places, the part that callers other than nodes may have: dashboards and scripts cannot keep nodes from being told of changes. */
const OTHERS_SHARE = 0.25

/** The event streams of one service: bounded in number, and all ended when the service stops. */
export class EventStreams {
  readonly #limit: number
  readonly #onRefused: (address: string | undefined) => void
  readonly #stop = new AbortController()
  #open = 0
  #others = 0

  constructor(options: { limit: number; onRefused?: (address: string | undefined) => void }) {
    this.#limit = options.limit
    this.#onRefused = options.onRefused ?? (() => {})
  }

  get open(): number {
    return this.#open
  }

  /** Takes a place; the returned function gives it back. Throws `SHOAL_HTTP_BUSY`. */
  enter({ isNode, address }: { isNode: boolean; address?: string }): () => void {
    const limitOfOthers = Math.max(1, Math.floor(this.#limit * OTHERS_SHARE))
    if (this.#open >= this.#limit || (!isNode && this.#others >= limitOfOthers)) {
      this.#onRefused(address)
      throw serviceError('SHOAL_HTTP_BUSY', { limit: isNode ? this.#limit : limitOfOthers })
    }
    this.#open += 1
    if (!isNode) this.#others += 1
    return () => {
      this.#open -= 1
      if (!isNode) this.#others -= 1
    }
  }

  /** Aborted when the service stops. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  closeAll(): void {
    this.#stop.abort(new Error('the service is stopping'))
  }
}

/**
 * Sends server-sent events (HTML Living Standard, 9.2) until the source ends, the client goes or the signal fires. The next event is
 * taken from the source only when the client has taken the one before, so a slow client holds at most one event here.
 */
export async function sendEventStream(
  reply: FastifyReply,
  source: AsyncIterable<StreamMessage>,
  options: EventStreamOptions = {},
): Promise<void> {
  reply.hijack()
  const { raw } = reply
  const gone = new AbortController()
  raw.once('close', () => gone.abort())
  raw.on('error', () => gone.abort())
  const signal = AbortSignal.any(options.signal === undefined ? [gone.signal] : [gone.signal, options.signal])
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // nginx buffers answers otherwise.
    'x-accel-buffering': 'no',
  })
  raw.write(': connected\n\n')
  const keepAlive = setInterval(() => {
    if (!raw.writableNeedDrain) raw.write(': keep-alive\n\n')
  }, options.keepAliveMs ?? DEFAULT_KEEP_ALIVE_MS)
  const iterator = source[Symbol.asyncIterator]()
  try {
    await pump(raw, iterator, signal, options.stallMs ?? DEFAULT_STALL_MS)
  } finally {
    clearInterval(keepAlive)
    // Not awaited: a generator that waits for its next event would never get to return.
    Promise.resolve(iterator.return?.()).catch(() => {})
    raw.end()
  }
}

async function pump(
  raw: ServerResponse,
  iterator: AsyncIterator<StreamMessage>,
  signal: AbortSignal,
  stallMs: number,
): Promise<void> {
  const aborted = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined)
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  while (!signal.aborted) {
    const next = iterator.next()
    // When the race is lost, a late failure of the source is nobody's business any more.
    next.catch(() => {})
    const result = await Promise.race([next, aborted])
    if (result === undefined || result.done === true || signal.aborted) return
    if (raw.write(formatMessage(result.value))) continue
    try {
      await once(raw, 'drain', { signal: AbortSignal.any([signal, AbortSignal.timeout(stallMs)]) })
    } catch {
      // Either everything is over or the client takes nothing: end() would wait for it, so cut.
      raw.destroy()
      return
    }
  }
}

function formatMessage({ id, event, data }: StreamMessage): string {
  // JSON.stringify leaves no line break in the data; ids and event names are ours, but a line break in one would forge events.
  const line = (value: string | number) => String(value).replaceAll(/[\r\n\0]/g, ' ')
  const json = data instanceof EncodedJson ? data.json : JSON.stringify(data)
  return `${id === undefined ? '' : `id: ${line(id)}\n`}event: ${line(event)}\ndata: ${json}\n\n`
}
