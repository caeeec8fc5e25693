import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, it, test } from 'node:test'
import { ManualClock, silentLogger } from '@shoal/core'
import { createHealth, createMetrics, FloodWatch } from '@shoal/service'
import { type Undo, undoAfter } from '../../../test/harness/undo.ts'
import { boundConnections, type ConnectionLimits } from '../src/bound-connections.ts'
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
    const socket = connect({ host, port })
    socket.on('error', () => {})
    socket.resume()
    undo.after(async () => void socket.destroy())
    return socket
  }
  const ask = async (): Promise<number> => {
    const response = await fetch(`http://${host}:${port}/`, { headers: { connection: 'close' } })
    await response.text()
    return response.status
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

  it('closes connections beyond those that may be open without a request, and serves again when they are gone', async (t) => {
    const { dial, ask, refused } = await listen(undoAfter(t), '127.0.98.2', { headersTimeoutMs: 60_000 })
    const held = Array.from({ length: 10 }, dial)
    await Promise.all(held.map((socket) => once(socket, 'connect')))
    const more = Array.from({ length: 5 }, dial)
    await Promise.all(more.map((socket) => once(socket, 'close')))
    assert.equal(refused(), 5)
    const [first] = held
    const gone = first && once(first, 'close')
    first?.destroy()
    await gone
    for (let tries = 0; (await ask().catch(() => 0)) !== 200; tries += 1) assert.ok(tries < 100)
  })
})

test('streams of others leave places to nodes', () => {
  let refused = 0
  const streams = new EventStreams({ limit: 8, onRefused: () => (refused += 1) })
  const leaves = [streams.enter({ isNode: false }), streams.enter({ isNode: false })]
  assert.throws(() => streams.enter({ isNode: false }), { code: 'SHOAL_HTTP_BUSY' })
  for (let node = 0; node < 6; node += 1) streams.enter({ isNode: true })
  assert.throws(() => streams.enter({ isNode: true }), { code: 'SHOAL_HTTP_BUSY' })
  assert.equal(refused, 2)
  for (const leave of leaves) leave()
  streams.enter({ isNode: false })
})

test('a flood is counted, said in the log once and noted in the health, which stays good, until it is over', async () => {
  const clock = new ManualClock()
  const [metrics, health] = [createMetrics({ process: false }), createHealth()]
  const said: unknown[] = []
  const logger = { ...silentLogger, warn: (fields: unknown) => said.push(fields) }
  const floods = new FloodWatch({ metrics, health, logger: logger as typeof silentLogger, clock })
  for (let refusal = 0; refusal < 99; refusal += 1) floods.refused('wire')
  assert.deepEqual((await health.report()).notes, [])
  for (let refusal = 0; refusal < 500; refusal += 1) floods.refused('wire')
  const notes = [{ name: 'floods', message: 'turned away: wire' }]
  const report = await health.report()
  assert.deepEqual([report.ready, report.notes], [true, notes])
  assert.equal(said.length, 1)
  assert.match(await metrics.text(), /shoal_flood_refused_total\{what="wire"\} 599/)
  clock.advance(61_000)
  assert.deepEqual((await health.report()).notes, notes)
  clock.advance(121_000)
  assert.deepEqual((await health.report()).notes, [])
})
