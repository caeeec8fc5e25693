import { ShoalError } from '@shoal/core'
import type { Static, TSchema } from 'typebox'
import { parseJson, protocolError, readBody, readError } from './answer.ts'
import { apiError } from './errors.ts'
import { parseEventStream } from './event-stream.ts'
import type { Operation } from './operation.ts'
import { type OperationId, type Operations, operations } from './operations.ts'
import { createWatchdog } from './watchdog.ts'

// This file runs in a browser too: no import of a node: module here.

export interface ClientOptions {
  /** Of the service, for example `http://seed.example:7460`. */
  baseUrl: string
  /** Sent as a bearer token. */
  token?: string | undefined
  /** Replaces the platform's `fetch`, for example by one that trusts a private certificate authority. */
  fetch?: typeof fetch
  /** How long an answer may take, its body included; 30 s when absent. Event streams are not bound by it once open. */
  timeoutMs?: number
  /** An event stream that is silent for this long is cut; 60 s when absent (the service sends a comment every 15 s). */
  streamIdleMs?: number
}

/** One message of an event stream. */
export interface StreamEvent<T> {
  readonly id: string | undefined
  readonly event: string
  readonly data: T
}

type Field<O, From extends string, To extends string> = O extends { readonly [P in From]: infer S extends TSchema }
  ? Record<never, never> extends Static<S>
    ? { readonly [P in To]?: Lenient<Static<S>> }
    : { readonly [P in To]: Lenient<Static<S>> }
  : unknown

/** What may be left out may be `undefined` too: it is not sent either way. */
type Lenient<T> = { [K in keyof T]: Record<never, never> extends Pick<T, K> ? T[K] | undefined : T[K] }

/** What a method of the client takes. */
export type CallOptions<O extends Operation> = Field<O, 'params', 'params'> &
  Field<O, 'query', 'query'> &
  Field<O, 'headers', 'headers'> &
  Field<O, 'body', 'body'> & { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number }

type StreamOptions<O extends Operation> = CallOptions<O> & { readonly lastEventId?: string | undefined }

type Answer<O> = O extends { readonly response: infer S extends TSchema } ? Static<S> : undefined

type Method<O extends Operation> = O extends { readonly contentType: 'text/event-stream' }
  ? Call<StreamOptions<O>, AsyncIterable<StreamEvent<Answer<O>>>>
  : Call<
      CallOptions<O>,
      Promise<O extends { readonly contentType: 'application/octet-stream' } ? Uint8Array : Answer<O>>
    >

type Call<Options, Result> =
  Record<never, never> extends Options ? (options?: Options) => Result : (options: Options) => Result

/**
 * One typed method per operation. A method throws the server's own error code; `SHOAL_API_UNREACHABLE` without an answer,
 * `SHOAL_API_TIMEOUT` after too long, `SHOAL_API_PROTOCOL` for an answer that is not the API's, and the signal's reason when
 * aborted. A stream ends when the server ends it and throws `SHOAL_API_STREAM_CUT` when it breaks: the caller connects again.
 */
export type Client = { readonly [Id in OperationId]: Method<Operations[Id]> }

const DEFAULT_TIMEOUT_MS = 30_000
const DEFAULT_STREAM_IDLE_MS = 60_000
interface AnyCall {
  readonly params?: Readonly<Record<string, unknown>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, unknown>>
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs?: number
  readonly lastEventId?: string | undefined
}

/** Creates the client of a service. Nothing is sent before the first call. */
export function createClient(options: ClientOptions): Client {
  const methods = Object.values(operations as Readonly<Record<string, Operation>>).map((operation) => [
    operation.id,
    operation.contentType === 'text/event-stream'
      ? (call: AnyCall = {}) => stream(options, operation, call)
      : (call: AnyCall = {}) => request(options, operation, call),
  ])
  return Object.fromEntries(methods) as Client
}

async function request(options: ClientOptions, operation: Operation, call: AnyCall): Promise<unknown> {
  const url = urlOf(options.baseUrl, operation, call)
  const timeoutMs = call.timeoutMs ?? options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  const timeout = AbortSignal.timeout(timeoutMs)
  const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout])
  try {
    const response = await send(options, operation, call, { url, signal })
    if (!response.ok) throw await readError(response, url)
    const bytes = await readBody(response, url)
    if (operation.contentType === 'application/octet-stream') return bytes
    return operation.response === undefined
      ? undefined
      : parseJson(new TextDecoder().decode(bytes), operation.response, url)
  } catch (error) {
    throw translate(error, { url, timeoutMs, timeout, signal: call.signal })
  }
}

async function* stream(
  options: ClientOptions,
  operation: Operation,
  call: AnyCall,
): AsyncGenerator<StreamEvent<unknown>, void> {
  const url = urlOf(options.baseUrl, operation, call)
  const timeoutMs = call.timeoutMs ?? options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  const watch = createWatchdog()
  const { signal } = watch
  // Not AbortSignal.any: fetch holds what that gives weakly, and a stream whose signal was collected never ends.
  const onAbort = () => watch.stop()
  call.signal?.addEventListener('abort', onAbort, { once: true })
  let opened = false
  try {
    call.signal?.throwIfAborted()
    watch.expectWithin(timeoutMs)
    const response = await send(options, operation, call, { url, signal })
    if (!response.ok) throw await readError(response, url)
    const type = response.headers.get('content-type') ?? 'nothing'
    if (response.body === null || !type.startsWith('text/event-stream'))
      throw protocolError(url, `content type is ${type}`)
    opened = true
    const idleMs = options.streamIdleMs ?? DEFAULT_STREAM_IDLE_MS
    watch.expectWithin(idleMs)
    const onActivity = () => watch.expectWithin(idleMs)
    for await (const message of parseEventStream(response.body, { onActivity, signal })) {
      yield { id: message.id, event: message.event, data: parseJson(message.data, operation.response, url) }
    }
    signal.throwIfAborted()
  } catch (error) {
    if (error instanceof ShoalError) throw error
    if (call.signal?.aborted) throw call.signal.reason
    if (opened) throw apiError('SHOAL_API_STREAM_CUT', { url, reason: reasonOf(error) }, error)
    throw translate(error, { url, timeoutMs, timeout: watch.signal, signal: call.signal })
  } finally {
    call.signal?.removeEventListener('abort', onAbort)
    watch.stop()
  }
}

function send(
  options: ClientOptions,
  operation: Operation,
  call: AnyCall,
  { url, signal }: { url: string; signal: AbortSignal },
): Promise<Response> {
  const headers: Record<string, string> = { accept: operation.contentType ?? 'application/json' }
  for (const [name, value] of Object.entries(call.headers ?? {})) if (value !== undefined) headers[name] = String(value)
  if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`
  if (call.lastEventId !== undefined) headers['last-event-id'] = call.lastEventId
  // A content type without a body would be refused by the server.
  if (call.body !== undefined) headers['content-type'] = 'application/json'
  const body = call.body === undefined ? null : JSON.stringify(call.body)
  const doFetch = options.fetch ?? fetch
  return doFetch(url, { method: operation.method, headers, body, signal, redirect: 'error' })
}

function urlOf(baseUrl: string, { path }: Operation, { params = {}, query = {} }: AnyCall): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])))
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  return `${baseUrl.replace(/\/+$/, '')}${filled}${search.size > 0 ? `?${search}` : ''}`
}

function translate(
  error: unknown,
  context: { url: string; timeoutMs: number; timeout: AbortSignal; signal: AbortSignal | undefined },
): unknown {
  if (error instanceof ShoalError) return error
  if (context.signal?.aborted) return context.signal.reason
  const { url, timeoutMs } = context
  if (context.timeout.aborted) return apiError('SHOAL_API_TIMEOUT', { url, timeoutMs }, error)
  return apiError('SHOAL_API_UNREACHABLE', { url, reason: reasonOf(error) }, error)
}

/** fetch says "fetch failed" and hides the reason in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const told = error.cause instanceof Error ? error.cause.message || error.cause.name : error.message
  // OpenSSL gives a line with its own source files in it.
  return /^[0-9A-F]+:error:[^:]*:[^:]*:[^:]*:([^:]*):/.exec(told)?.[1]?.replace(/^/, 'TLS: ') ?? told.trim()
}
