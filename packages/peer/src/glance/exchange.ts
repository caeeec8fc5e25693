import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorCode, ShoalError } from '@shoal/core'
import { gatewayError } from './errors.ts'

/** A request and its answer, until one of them is over. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Aborted with {@link ExchangeOver}. */
  readonly signal: AbortSignal
}

/** Nobody waits for the answer any more: the client has gone, or the daemon stops. */
export class ExchangeOver extends Error {}

/** Throws {@link ExchangeOver} if that is why something failed. */
export function throwIfOver({ response, signal }: Exchange): void {
  signal.throwIfAborted()
  // The failure of a write may be heard of before the end of the connection is.
  if (response.destroyed || response.socket?.destroyed !== false) throw new ExchangeOver('the client has gone')
}

const STATUS: Readonly<Record<string, number>> = {
  SHOAL_GATEWAY_UNREACHABLE: 502,
  SHOAL_GATEWAY_TIMEOUT: 504,
  SHOAL_GATEWAY_BUSY: 503,
}

/** Answers in place of Glance; when an answer has begun, the connection is cut, so that nobody takes it for whole. */
export function answerError({ response }: Pick<Exchange, 'response'>, thrown: unknown): ShoalError {
  const error =
    thrown instanceof ShoalError ? thrown : gatewayError('SHOAL_GATEWAY_INTERNAL', { reason: reasonOf(thrown) }, thrown)
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return error
  }
  const { code, message, hint, details } = error
  const body = Buffer.from(JSON.stringify({ error: { code, message, hint, details } }))
  response.writeHead(STATUS[code] ?? 500, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
  return error
}

function reasonOf(thrown: unknown): string {
  return errorCode(thrown) ?? (thrown instanceof Error ? thrown.message : String(thrown))
}
