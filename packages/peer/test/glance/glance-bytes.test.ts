import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { steadyClock, TransferLimits } from '@shoal/core'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { type GlanceBytesInit, glanceBytes } from '../../src/glance/glance-bytes.ts'
import { GlanceLimit } from '../../src/glance/glance-limit.ts'
import { giveData, IMAGE, startStandInGlance } from './stand-in-glance.ts'

const DATA = randomBytes(300_000)
/** Lets pass in no time what would be waited for. */
const impatient = { ...steadyClock, sleep: async () => {} }

async function start(t: TestContext) {
  const glance = await startStandInGlance(undoAfter(t))
  const limit = new GlanceLimit({ clock: steadyClock, node: new TransferLimits(steadyClock) }, null)
  const deps = { upstream: glance.upstream, limit, clock: impatient, random: () => 0.5 }
  glance.answer = (request, response) => giveData(DATA, request, response)
  const read = async (change: Partial<GlanceBytesInit> = {}) => {
    const chunks: Buffer[] = []
    const { signal } = new AbortController()
    const init = { image: IMAGE, headers: ['X-Auth-Token', 't'], sizeBytes: DATA.length, offset: 0, patienceMs: 60_000 }
    for await (const chunk of glanceBytes(deps, { ...init, signal, ...change })) chunks.push(chunk)
    return Buffer.concat(chunks)
  }
  const ranges = () => glance.got.map(({ headers }) => headers.range)
  return { glance, read, ranges }
}

/** Gives so much of the rest and breaks the connection. */
function breakAfter(bytes: number, request: IncomingMessage, response: ServerResponse): void {
  const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0])
  const range = from === 0 ? {} : { 'content-range': `bytes ${from}-${DATA.length - 1}/${DATA.length}` }
  response.writeHead(from === 0 ? 200 : 206, { 'content-length': DATA.length - from, ...range })
  response.write(DATA.subarray(from, from + bytes), () => response.destroy())
}

test('an image is read from where it is wanted, in the name of the caller', async (t) => {
  const { glance, read, ranges } = await start(t)
  ok((await read()).equals(DATA))
  ok((await read({ offset: 123_456 })).equals(DATA.subarray(123_456)))
  deepEqual(ranges(), [undefined, 'bytes=123456-'])
  ok(glance.got.every(({ headers }) => headers['x-auth-token'] === 't'))
})

test('where a cut happened it goes on, as often as it takes', async (t) => {
  const { glance, read, ranges } = await start(t)
  glance.answer = (request, response) => breakAfter(70_000, request, response)
  ok((await read()).equals(DATA))
  deepEqual(ranges(), [undefined, ...[70_000, 140_000, 210_000, 280_000].map((at) => `bytes=${at}-`)])
})

test('a body whose length is not told and that ends too early is not taken for all', async (t) => {
  const { glance, read, ranges } = await start(t)
  glance.answer = (request, response) => {
    if (request.headers.range !== undefined) return giveData(DATA, request, response)
    response.end(DATA.subarray(0, 1000))
  }
  ok((await read()).equals(DATA))
  deepEqual(ranges(), [undefined, 'bytes=1000-'])
})

test('a Glance that is busy is asked again, one that refuses is not', async (t) => {
  const { glance, read, ranges } = await start(t)
  const statuses = [503, 500]
  glance.answer = (request, response) => {
    const status = statuses.shift()
    if (status === undefined) giveData(DATA, request, response)
    else response.writeHead(status).end()
  }
  ok((await read()).equals(DATA))
  equal(ranges().length, 3)
  for (const status of [401, 403, 404, 204]) {
    glance.answer = (_request, response) => response.writeHead(status).end()
    await rejects(read({ offset: 10 }), { code: 'SHOAL_GATEWAY_REFUSED' })
  }
  equal(ranges().length, 7)
})

test('another part than the one asked for, or of another size, is refused', async (t) => {
  const { glance, read } = await start(t)
  const size = DATA.length
  for (const [status, range] of [
    [200, ''],
    [206, `bytes 11-20/${size}`],
    [206, `bytes 10-20/${size + 1}`],
  ] as const) {
    glance.answer = (_request, response) => response.writeHead(status, { 'content-range': range }).end(DATA)
    await rejects(read({ offset: 10 }), { code: 'SHOAL_GATEWAY_REFUSED' })
  }
})

test('without patience the first failure counts', async (t) => {
  const { glance, read, ranges } = await start(t)
  glance.answer = (request) => request.socket.destroy()
  await rejects(read({ patienceMs: 0 }), { code: 'SHOAL_GATEWAY_UNREACHABLE' })
  equal(ranges().length, 1)
})

test('whoever has gone is asked for nothing more', async (t) => {
  const { glance, read, ranges } = await start(t)
  const abort = new AbortController()
  glance.answer = (request, response) => {
    response.once('close', () => {})
    breakAfter(1000, request, response)
    abort.abort(new Error('gone'))
  }
  await rejects(read({ signal: abort.signal }), /gone/)
  equal(ranges().length, 1)
})
