import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, it, test } from 'node:test'
import { boundConnections, type ConnectionLimits, ManualClock, silentLogger } from '@shoal/core'
import { createHealth, createMetrics, type FloodReport, FloodWatch } from '@shoal/service'
import { type Undo, undoAfter } from '../../../test/harness/undo.ts'
import { EventStreams } from '../src/event-stream.ts'

const LIMITS: ConnectionLimits = { total: 20, perAddress: 20, unused: 10, headersTimeoutMs: 200 }

async function listen(undo: Undo, host: string, limits: Partial<ConnectionLimits> = {}) {
  const server = createServer({ connectionsCheckingInterval: 50 }, (_request, response) => response.end('well'))
  let refused = 0
  const refusal = Promise.withResolvers<void>()
  boundConnections(
    server,
    () => {
      refused += 1
      refusal.resolve()
    },
    { ...LIMITS, ...limits },
  )
  server.listen(0, host)
  await once(server, 'listening')
  undo.after(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  const dial = (): Socket => {
    const socket = connect({ host, port, localAddress: '127.0.98.8' })
    socket.on('error', () => {})
    socket.resume()
    undo.after(async () => void socket.destroy())
    return socket
  }
  const ask = async (localAddress = '127.0.98.8'): Promise<number> => {
    const asked = request({ host, port, localAddress, headers: { connection: 'close' } }).end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    response.resume()
    return response.statusCode ?? 0
  }
  return { dial, ask, refused: () => refused, refusal: refusal.promise }
}

describe('a server whose connections are bounded', () => {
  it('closes who sends a head byte after byte, and answers others meanwhile (slow-loris)', async (t) => {
    const { dial, ask, refusal } = await listen(undoAfter(t), '127.0.98.1')
    const slow = dial()
    const closed = once(slow, 'close')
    slow.write('GET / HTTP/1.1\r\nhost: x\r\nx-slow: ')
    const drip = setInterval(() => slow.write('a'), 20)
    assert.equal(await ask(), 200)
    await Promise.all([closed, refusal])
    clearInterval(drip)
    assert.equal(await ask(), 200)
  })

  it('closes the oldest connection without a request of who has most of them, so that others are answered meanwhile', async (t) => {
    const { dial, ask, refused } = await listen(undoAfter(t), '127.0.98.2', { headersTimeoutMs: 60_000 })
    const held = Array.from({ length: 10 }, dial)
    await Promise.all(held.map((socket) => once(socket, 'connect')))
    const more = Array.from({ length: 5 }, dial)
    await Promise.all(more.map((socket) => once(socket, 'close')))
    assert.equal(refused(), 5, 'of one address those that come later wait for those before')
    const [first] = held
    const gone = first && once(first, 'close')
    assert.equal(await ask('127.0.98.9'), 200, 'another address need not')
    await gone
    assert.equal(refused(), 6)
  })
})

test('streams of others leave places to nodes', () => {
  let refused = 0
  const streams = new EventStreams({ limit: 8, onRefused: () => (refused += 1) })
  const places = [streams.enter({ isNode: false }), streams.enter({ isNode: false })]
  assert.throws(() => streams.enter({ isNode: false }), { code: 'SHOAL_HTTP_BUSY' })
  for (let node = 0; node < 6; node += 1) streams.enter({ isNode: true })
  assert.throws(() => streams.enter({ isNode: true }), { code: 'SHOAL_HTTP_BUSY' })
  assert.equal(refused, 2)
  for (const place of places) place.leave()
  streams.enter({ isNode: false })
})

test('a flood is counted, said in the log once and noted in the health, which stays good, until it is over', async () => {
  const clock = new ManualClock()
  const [metrics, health] = [createMetrics({ process: false }), createHealth()]
  const said: unknown[] = []
  const begun: unknown[] = []
  const onFlood = ({ what, refusals }: FloodReport) => void begun.push([what, refusals])
  const logger = { ...silentLogger, warn: (fields: unknown) => said.push(fields) }
  const floods = new FloodWatch({ ...{ metrics, health, clock, onFlood }, logger: logger as typeof silentLogger })
  for (let refusal = 0; refusal < 99; refusal += 1) floods.refused('wire')
  assert.deepEqual((await health.report()).notes, [])
  clock.advance(10_000)
  for (let refusal = 0; refusal < 500; refusal += 1)
    floods.refused('wire', refusal % 5 === 0 ? `10.0.1.${refusal}` : '10.0.0.9')
  const notes = [{ name: 'floods', message: 'turned away: wire' }]
  const report = await health.report()
  assert.deepEqual([report.ready, report.notes], [true, notes])
  const first = { what: 'wire', refusals: 100, perSecond: 10, address: '10.0.1.0', ofAddress: 1 }
  assert.deepEqual(said, [first])
  const [flood, ...others] = floods.list()
  assert.deepEqual([flood?.name, flood?.refusals, flood?.from?.address, others.length], ['wires', 599, '10.0.0.9', 0])
  assert.equal(flood?.from?.refusals, 400)
  assert.match(await metrics.text(), /shoal_flood_refused_total\{what="wire"\} 599/)
  clock.advance(51_000)
  assert.deepEqual((await health.report()).notes, notes)
  for (let refusal = 0; refusal < 120; refusal += 1) floods.refused('wire', '10.0.0.9')
  assert.equal(said.length, 1)
  clock.advance(60_000)
  assert.equal(floods.list()[0]?.refusals, 120)
  const next = { what: 'wire', refusals: 120, perSecond: 2, address: '10.0.0.9', ofAddress: 120 }
  assert.deepEqual(said, [first, next], 'a line for each minute')
  assert.deepEqual(begun, [['wire', 100]])
  clock.advance(121_000)
  assert.deepEqual((await health.report()).notes, [])
})
