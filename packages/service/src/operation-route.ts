import type { Readable } from 'node:stream'
import { plainAddress } from '@shoal/core'
import type { FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import { type Static, type TSchema, Type } from 'typebox'
import { type EventStreams, type StreamMessage, sendEventStream } from './event-stream.ts'
import type { Role } from './http-auth.ts'
import { errorAnswer } from './http-error.ts'
import type { HttpApp } from './http-service.ts'
import { RawAnswer } from './raw-answer.ts'

/** An operation as this package sees it; the table of `api` satisfies it. */
export interface RouteOperation {
  readonly id: string
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'
  /** Path with parameters in braces: `/v1/images/{image}`. */
  readonly path: string
  readonly role: Role
  readonly tag?: string
  readonly summary: string
  readonly params?: TSchema
  readonly query?: TSchema
  readonly headers?: TSchema
  readonly body?: TSchema
  readonly response?: TSchema
  readonly contentType?: string
  readonly status?: number
}

type Part<O, K extends string> = O extends { readonly [P in K]: infer S extends TSchema } ? Static<S> : undefined

/** What a handler is given: the validated parts of the request. */
export interface OperationRequest<O extends RouteOperation> {
  readonly params: Part<O, 'params'>
  readonly query: Part<O, 'query'>
  readonly headers: Part<O, 'headers'>
  readonly body: Part<O, 'body'>
  /** Role of the caller. */
  readonly role: Role
  /** Who calls, as journals tell it. */
  readonly actor: string
  /** The node that the caller is by its certificate, if it is one. */
  readonly node: string | undefined
  /** Of a reconnecting reader of an event stream. */
  readonly lastEventId: string | undefined
  /** Aborted when the client goes or, for an event stream, when the service stops. */
  readonly signal: AbortSignal
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** What a handler gives back: JSON by the response schema, bytes, the messages of a stream, or nothing. */
export type OperationResult<O extends RouteOperation> = O extends { readonly contentType: 'text/event-stream' }
  ? AsyncIterable<StreamMessage<Part<O, 'response'>>>
  : O extends { readonly contentType: 'application/octet-stream' }
    ? Uint8Array | Readable
    : O extends { readonly response: TSchema }
      ? Part<O, 'response'>
      : undefined

export type OperationHandler<O extends RouteOperation> = (
  request: OperationRequest<O>,
) => OperationResult<O> | RawAnswer | Promise<OperationResult<O> | RawAnswer>

/** Binds an operation as a route: path, validation, role and reference all come from the operation. */
export function registerOperation<const O extends RouteOperation>(
  app: HttpApp,
  operation: O,
  handler: OperationHandler<O>,
  options: { keepAliveMs?: number } = {},
): void {
  const streams = app.getDecorator<EventStreams>('eventStreams')
  const mayStill = app.getDecorator<(request: FastifyRequest) => Promise<boolean>>('mayStill')
  app.route({
    method: operation.method,
    url: operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    schema: routeSchema(operation),
    config: { role: operation.role, operation: operation.id },
    handler: async (request, reply) => {
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort(new Error('the client has gone')))
      const isStream = operation.contentType === 'text/event-stream'
      const place = isStream
        ? streams.enter({
            isNode: request.role === 'node',
            address: plainAddress(request.ip),
            mayGoOn: () => mayStill(request),
          })
        : undefined
      try {
        const signal = place === undefined ? gone.signal : AbortSignal.any([gone.signal, place.signal])
        const result: unknown = await handler(operationRequest<O>(request, reply, signal))
        if (isStream) await sendEventStream(reply, result as AsyncIterable<StreamMessage>, { signal, ...options })
        else await sendResult(reply, operation, result)
      } finally {
        place?.leave()
      }
      return reply
    },
  })
}

function operationRequest<O extends RouteOperation>(
  request: FastifyRequest,
  reply: FastifyReply,
  signal: AbortSignal,
): OperationRequest<O> {
  const lastEventId = request.headers['last-event-id']
  return {
    params: request.params as Part<O, 'params'>,
    query: request.query as Part<O, 'query'>,
    headers: request.headers as Part<O, 'headers'>,
    body: request.body as Part<O, 'body'>,
    role: request.role,
    actor: request.actor,
    node: request.node,
    lastEventId: Array.isArray(lastEventId) ? lastEventId[0] : lastEventId,
    signal,
    request,
    reply,
  }
}

async function sendResult(reply: FastifyReply, operation: RouteOperation, result: unknown): Promise<void> {
  if (result instanceof RawAnswer) {
    await reply.status(result.status).headers(result.headers).send(result.body)
    return
  }
  reply.status(operation.status ?? 200)
  if (operation.contentType !== undefined) reply.type(operation.contentType)
  // fastify sends a Buffer as it is, but would turn another Uint8Array into JSON in some versions.
  const bytes = result instanceof Uint8Array && !Buffer.isBuffer(result)
  await reply.send(bytes ? Buffer.from(result.buffer, result.byteOffset, result.byteLength) : result)
}

function routeSchema(operation: RouteOperation): FastifySchema {
  const { params, query, headers, body, role } = operation
  return {
    operationId: operation.id,
    summary: operation.summary,
    ...(operation.tag === undefined ? {} : { tags: [operation.tag] }),
    ...(role === 'public' ? {} : { security: [{ token: [] }], description: `Needs the role ${role}.` }),
    ...(params === undefined ? {} : { params }),
    ...(query === undefined ? {} : { querystring: query }),
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
    response: { [operation.status ?? 200]: successAnswer(operation), '4XX': errorAnswer, '5XX': errorAnswer },
  }
}

function successAnswer({ response, contentType }: RouteOperation): object {
  if (contentType === 'application/octet-stream') {
    return { description: 'The bytes.', content: { [contentType]: { schema: Type.String({ format: 'binary' }) } } }
  }
  if (response === undefined) return Type.Null({ description: 'Done; the answer has no body.' })
  if (contentType === undefined) return response
  return {
    description: 'Server-sent events; the data of each is JSON of this schema.',
    content: { [contentType]: { schema: response } },
  }
}
