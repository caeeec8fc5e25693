import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Undo } from '../../../../test/harness/undo.ts'
import { type HostName, Upstream } from '../../src/glance/upstream.ts'

export const IMAGE = '6f1f3b0a-3c9e-4a53-8e0d-0d3a4bb0a001'

/** One request that it got. */
export interface Got {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
}

/** A server in Glance's place that does what the test says. */
export interface StandInGlance {
  readonly url: string
  readonly upstream: Upstream
  readonly got: Got[]
  answer: (request: IncomingMessage, response: ServerResponse) => void
  /** Whether it says that it is ready for a body, to who asks, before it answers. */
  wantsBodies: boolean
}

export async function startStandInGlance(
  undo: Undo,
  { silenceMs = 20_000, sendHost = 'caller' }: { silenceMs?: number; sendHost?: HostName } = {},
): Promise<StandInGlance> {
  const got: Got[] = []
  const server = createServer((request, response) => {
    const { method = '', url = '', headers, rawHeaders } = request
    got.push({ method, url, headers, rawHeaders })
    glance.answer(request, response)
  })
  server.on('checkContinue', (request, response) => {
    if (glance.wantsBodies) response.writeContinue()
    server.emit('request', request, response)
  })
  server.listen({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  undo.after(async () => {
    server.closeAllConnections()
    server.close()
  })
  const upstream = await Upstream.open({ url, caFile: null, sendHost, silenceMs })
  const glance: StandInGlance = {
    ...{ url, upstream, got, wantsBodies: true },
    answer: (_request, response) => response.writeHead(404).end(),
  }
  return glance
}

/** Answers with an image's data as Glance does, whole or from one place on. */
export function giveData(data: Buffer, request: IncomingMessage, response: ServerResponse): void {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const from = Number(range?.[1] ?? 0)
  const to = range?.[2] === undefined || range[2] === '' ? data.length : Math.min(Number(range[2]) + 1, data.length)
  response.writeHead(range === null ? 200 : 206, {
    'content-type': 'application/octet-stream',
    'content-length': to - from,
    ...(range === null ? {} : { 'content-range': `bytes ${from}-${to - 1}/${data.length}` }),
  })
  response.end(data.subarray(from, to))
}
