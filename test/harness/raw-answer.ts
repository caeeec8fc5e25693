import { type IncomingMessage, request } from 'node:http'
import type { Readable } from 'node:stream'

export interface RawRequest {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer | Readable
}

/** An answer as it came over the wire, without what differs from one moment to the next. */
export interface RawAnswer {
  readonly status: number
  readonly reason: string
  /** Lower-case names, in order. */
  readonly headers: readonly string[]
  readonly body: Buffer
}

/** Of this one answer, or of the connection that it came over. */
const OF_THE_MOMENT = new Set([...['date', 'x-openstack-request-id', 'connection', 'keep-alive', 'transfer-encoding']])

/** Sends a request as it is written, to a server that is called by the same name wherever it is. */
export async function rawAnswer(
  origin: string,
  { method = 'GET', path, headers = {}, body }: RawRequest,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin)
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request({
      host: hostname,
      port,
      path,
      method,
      agent: false,
      headers: { host: 'glance.test', ...headers },
    })
    sent.once('response', resolve)
    sent.on('error', reject)
    if (body === undefined) sent.end()
    else if (headers.expect !== undefined) {
      sent.once('continue', () => sent.end(body))
      sent.flushHeaders()
    } else if (typeof body === 'string' || Buffer.isBuffer(body)) sent.end(body)
    else body.pipe(sent)
  })
  const chunks: Buffer[] = []
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk)
  return {
    status: answer.statusCode ?? 0,
    reason: answer.statusMessage ?? '',
    headers: linesOf(answer.rawHeaders),
    body: Buffer.concat(chunks),
  }
}

function linesOf(raw: readonly string[]): string[] {
  const names = raw.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())
  return names.flatMap((name, at) => (OF_THE_MOMENT.has(name) ? [] : [`${name}: ${raw[at * 2 + 1]}`]))
}
