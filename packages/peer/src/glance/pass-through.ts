import type { IncomingMessage } from 'node:http'
import { gatewayError } from './errors.ts'
import { type Exchange, ExchangeOver } from './exchange.ts'
import { endToEnd, type RawHeaders } from './hop-headers.ts'
import type { Upstream } from './upstream.ts'

/** Which name of Glance the client's requests go on with: the one that it used itself, or Glance's own. */
export type HostName = 'caller' | 'glance'

/** Has Glance answer, with the caller's own words and Glance's own; bodies stream, both ways at their own pace. */
export async function passThrough(exchange: Exchange, deps: { upstream: Upstream; host: HostName }): Promise<void> {
  const { request } = exchange
  try {
    const answer = await askAsCaller(exchange, deps)
    beginAnswer(exchange, answer)
    await pipeBody(exchange, answer, deps.upstream)
  } finally {
    // Glance may have answered before it had all of the request: the rest is in the way of the next one.
    if (!request.complete) request.unpipe().resume()
  }
}

/** Sends the client's request on, and gives the head of Glance's answer. */
export function askAsCaller(
  { request, response, signal }: Exchange,
  { upstream, host }: { upstream: Upstream; host: HostName },
): Promise<IncomingMessage> {
  const { method = 'GET', url = '/', headers, rawHeaders } = request
  const isChunked = headers['transfer-encoding'] !== undefined
  const hasBody = isChunked || Number(headers['content-length'] ?? 0) > 0
  const sent = endToEnd(rawHeaders, host === 'glance' ? HOST : NOTHING)
  if (host === 'glance') sent.unshift('Host', upstream.host)
  if (isChunked) sent.push('Transfer-Encoding', 'chunked')
  const expects = headers.expect?.toLowerCase() === '100-continue'
  return upstream.send({
    ...{ method, path: url, headers: sent, signal },
    ...(hasBody ? { body: request } : {}),
    ...(hasBody && expects ? { onContinue: () => response.writeContinue() } : {}),
  })
}

/** Sends the head of Glance's answer, or another one in its place. */
export function beginAnswer({ response }: Exchange, answer: IncomingMessage, headers?: RawHeaders): void {
  // Glance's date counts.
  response.sendDate = false
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, [...(headers ?? endToEnd(answer.rawHeaders))])
}

/** Resolves when the client has all of the body; a body that Glance cuts is cut here too. */
function pipeBody({ response, signal }: Exchange, answer: IncomingMessage, upstream: Upstream): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      answer.destroy()
      response.destroy()
      reject(error)
    }
    answer.once('error', (error) => fail(signal.aborted ? signal.reason : cutError(upstream, error)))
    response.once('error', () => fail(new ExchangeOver('the client has gone')))
    response.once('close', () => {
      if (response.writableFinished) resolve()
      else fail(new ExchangeOver('the client has gone'))
    })
    answer.pipe(response)
  })
}

function cutError({ host }: Upstream, error: Error): Error {
  return gatewayError('SHOAL_GATEWAY_UNREACHABLE', { url: host, reason: `it cut its answer (${error.message})` }, error)
}

const HOST: ReadonlySet<string> = new Set(['host'])
const NOTHING: ReadonlySet<string> = new Set()
