import type { IncomingMessage } from 'node:http'
import { gatewayError } from './errors.ts'
import { type Exchange, ExchangeOver } from './exchange.ts'
import { endToEnd, type RawHeaders } from './hop-headers.ts'
import type { Upstream } from './upstream.ts'

/** Has Glance answer, with the caller's own words and Glance's own; bodies stream, both ways at their own pace. */
export async function passThrough(exchange: Exchange, upstream: Upstream): Promise<void> {
  const answer = await askAsCaller(exchange, upstream)
  beginAnswer(exchange, answer)
  await pipeBody(exchange, answer, upstream)
}

/** Sends the client's request on, and gives the head of Glance's answer. */
export function askAsCaller({ request, response, signal }: Exchange, upstream: Upstream): Promise<IncomingMessage> {
  const { method = 'GET', url = '/', headers, rawHeaders } = request
  const isChunked = headers['transfer-encoding'] !== undefined
  const hasBody = isChunked || Number(headers['content-length'] ?? 0) > 0
  const expects = headers.expect?.toLowerCase() === '100-continue'
  return upstream.send({
    ...{ method, path: url, headers: endToEnd(rawHeaders), signal, isChunked },
    ...(hasBody ? { body: request } : {}),
    ...(hasBody && expects ? { onContinue: () => response.writeContinue() } : {}),
  })
}

/** Sends the head of Glance's answer, or other lines in their place. */
export function beginAnswer({ response }: Exchange, answer: IncomingMessage, headers?: RawHeaders): void {
  // Glance's date counts.
  response.sendDate = false
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, [...(headers ?? endToEnd(answer.rawHeaders))])
}

/** Resolves when the client has all of the body; a body that Glance cuts is cut here too. */
function pipeBody({ response, signal }: Exchange, answer: IncomingMessage, { origin }: Upstream): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      answer.destroy()
      response.destroy()
      reject(error)
    }
    answer.once('error', (error) => {
      const details = { url: origin, reason: `it cut its answer (${error.message})` }
      fail(signal.aborted ? signal.reason : gatewayError('SHOAL_GATEWAY_UNREACHABLE', details, error))
    })
    response.once('error', () => fail(new ExchangeOver('the client has gone')))
    response.once('close', () => {
      if (response.writableFinished) resolve()
      else fail(new ExchangeOver('the client has gone'))
    })
    answer.pipe(response)
  })
}
