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

/** How often it is looked whether those who listen still may: so long a stream may outlive its token. */
const CHECK_MS = 2000
/** So long a stream goes on when nobody can say whether it may. */
const UNKNOWN_MS = 60_000

/** Who wants a stream. */
export interface StreamReader {
  readonly isNode: boolean
  readonly address?: string
  /** Whether the caller may still have what was asked; rejects when nobody can say. */
  readonly mayGoOn?: () => Promise<boolean>
}

/** A place among the streams. */
export interface StreamPlace {
  /** Aborted when the caller may not have the stream any more, and when the service stops. */
  readonly signal: AbortSignal
  leave(): void
}

interface Watched {
  readonly mayGoOn: () => Promise<boolean>
  readonly end: AbortController
  isAsked: boolean
  unknownSince: number | undefined
}

/** The event streams of one service: bounded in number, ended when who listens may not any more, and all of them when the service stops. */
export class EventStreams {
  readonly #limit: number
  readonly #onRefused: (address: string | undefined) => void
  readonly #stop = new AbortController()
  readonly #watched = new Set<Watched>()
  readonly #timer: NodeJS.Timeout
  #open = 0
  #others = 0

  constructor(options: {
    limit: number
    onRefused?: (address: string | undefined) => void
    checkMs?: number | undefined
  }) {
    this.#limit = options.limit
    this.#onRefused = options.onRefused ?? (() => {})
    this.#timer = setInterval(() => this.#check(), options.checkMs ?? CHECK_MS)
    this.#timer.unref()
  }

  get open(): number {
    return this.#open
  }

  /** Takes a place, which is to be left again. Throws `SHOAL_HTTP_BUSY`. */
  enter({ isNode, address, mayGoOn }: StreamReader): StreamPlace {
    const limitOfOthers = Math.max(1, Math.floor(this.#limit * OTHERS_SHARE))
    if (this.#open >= this.#limit || (!isNode && this.#others >= limitOfOthers)) {
      this.#onRefused(address)
      throw serviceError('SHOAL_HTTP_BUSY', { limit: isNode ? this.#limit : limitOfOthers })
    }
    this.#open += 1
    if (!isNode) this.#others += 1
    const end = new AbortController()
    const watched = mayGoOn && { mayGoOn, end, isAsked: false, unknownSince: undefined }
    if (watched !== undefined) this.#watched.add(watched)
    return {
      signal: AbortSignal.any([end.signal, this.#stop.signal]),
      leave: () => {
        this.#open -= 1
        if (!isNode) this.#others -= 1
        if (watched !== undefined) this.#watched.delete(watched)
      },
    }
  }

  closeAll(): void {
    clearInterval(this.#timer)
    this.#stop.abort(new Error('the service is stopping'))
  }

  #check(): void {
    for (const watched of this.#watched) void this.#checkOne(watched)
  }

  async #checkOne(watched: Watched): Promise<void> {
    if (watched.isAsked) return
    watched.isAsked = true
    try {
      if (!(await watched.mayGoOn())) watched.end.abort(new Error('the caller may not have this any more'))
      watched.unknownSince = undefined
    } catch (error) {
      watched.unknownSince ??= performance.now()
      if (performance.now() - watched.unknownSince >= UNKNOWN_MS) watched.end.abort(error)
    } finally {
      watched.isAsked = false
    }
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
  while (!signal.aborted) {
    const result = await nextUntil(signal, iterator)
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

/**
 * The next of the source; `undefined` once the signal fires. Not a race with one promise for the whole stream: that would keep every
 * message until the stream ends.
 */
function nextUntil<T>(signal: AbortSignal, iterator: AsyncIterator<T>): Promise<IteratorResult<T> | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<T> | undefined>()
  const end = () => resolve(undefined)
  signal.addEventListener('abort', end, { once: true })
  iterator
    .next()
    .then(resolve, reject)
    .finally(() => signal.removeEventListener('abort', end))
  return promise
}

function formatMessage({ id, event, data }: StreamMessage): string {
  // JSON.stringify leaves no line break in the data; ids and event names are ours, but a line break in one would forge events.
  const line = (value: string | number) => String(value).replaceAll(/[\r\n\0]/g, ' ')
  const json = data instanceof EncodedJson ? data.json : JSON.stringify(data)
  return `${id === undefined ? '' : `id: ${line(id)}\n`}event: ${line(event)}\ndata: ${json}\n\n`
}
