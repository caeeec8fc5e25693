import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { MemoryDevice } from '../src/memory-device.ts'
import { MemoryExports } from '../src/memory-exports.ts'
import { NbdServer } from '../src/nbd-server.ts'
import { COMMAND, OPTION } from '../src/protocol.ts'
import { GatedDevice } from './gated-device.ts'
import { encodeInfoQuery, encodeOption, encodeRequest, NbdClient } from './nbd-client.ts'
import { pattern, startServer } from './start-server.ts'
import { until } from './until.ts'

const KIB = 1024
const { read, trim } = COMMAND

function reads(count: number, length: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, n) => encodeRequest({ type: read, cookie: BigInt(n), length })),
  )
}

describe('limits', () => {
  test('a connection more than allowed is closed before a word, and one is free again when another ends', async (t) => {
    const { server, connect } = await startServer(t, { limits: { connections: 2 } })
    const first = await connect()
    await first.greet()
    await first.go('disk')
    const second = await connect()
    await second.greet()
    await second.go('disk')
    await (await connect()).ended
    first.close()
    await until(() => server.connectionCount === 1, 'a connection is free')
    await (await connect()).greet()
  })

  test('while handshakes that lead nowhere take every place, the oldest of them gives way', async (t) => {
    const { server, connect } = await startServer(t, { limits: { connections: 3 } })
    const served = await connect()
    await served.greet()
    await served.go('disk')
    const idle = [await connect(), await connect()]
    const machine = await connect()
    await idle[0]?.ended
    await machine.greet()
    await machine.go('disk')
    assert.equal(server.connectionCount, 3)
    for (const client of [served, machine]) {
      client.request({ type: read, length: 1 })
      assert.equal((await client.simpleReply(1)).errno, 0)
    }
  })

  test('a handshake that is not over in time ends, whatever the client did', async (t) => {
    const clock = new ManualClock()
    const { server, connect, path } = await startServer(t, { clock, limits: { handshakeMs: 1000 } })
    const silent = await connect()
    const busy = await connect()
    await busy.greet()
    await busy.option(OPTION.list)
    const served = await connect()
    await served.greet()
    await served.go('disk')
    const slow = await NbdClient.connect({ path })
    await until(() => server.connectionCount === 4, 'all are connected')
    clock.advance(1000)
    await Promise.all([silent.ended, busy.ended, slow.ended])
    await until(() => server.connectionCount === 1, 'only the one that is served is left')
    served.request({ type: read, length: 1 })
    assert.equal((await served.simpleReply(1)).errno, 0)
  })

  test('an export that is not found in time ends the handshake', async (t) => {
    const clock = new ManualClock()
    let signal: AbortSignal | undefined
    const exports = {
      find: (_name: string, options: { signal: AbortSignal }) => {
        signal = options.signal
        return new Promise<undefined>((_, reject) =>
          options.signal.addEventListener('abort', () => reject(signal?.reason)),
        )
      },
      list: () => Promise.resolve([]),
    }
    const { server, connect } = await startServer(t, { clock, exports })
    const client = await connect()
    await client.greet()
    client.send(encodeOption(OPTION.go, encodeInfoQuery('disk')))
    await until(() => signal !== undefined, 'it is looked for')
    clock.advance(30_000)
    await client.ended
    await until(() => server.connectionCount === 0, 'the connection is over')
    assert.ok(signal?.aborted)
  })

  test('so many requests are under way at once, and the rest follow', async (t) => {
    const device = new GatedDevice(pattern(4096))
    const { server, enter } = await startServer(t, { device, limits: { requestsPerConnection: 3 } })
    const client = await enter()
    client.send(reads(10, 512))
    for (let done = 0; done < 10; done += 1) {
      await until(() => device.held.length === Math.min(3, 10 - done), `${done} replies have left`)
      assert.ok(server.requestCount <= 3)
      device.open()
      assert.equal((await client.simpleReply(512)).cookie, BigInt(done))
    }
  })

  test('so many bytes are under way at once, but one request however long it is', async (t) => {
    const device = new GatedDevice(pattern(256 * KIB))
    const { enter } = await startServer(t, { device, limits: { bytesPerConnection: 64 * KIB } })
    const client = await enter()
    client.send(reads(2, 128 * KIB), reads(20, 16 * KIB))
    for (const count of [1, 1, 4]) {
      await until(() => device.held.length === count, `${count} reads are under way`)
      if (count === 1) {
        device.open()
        await client.simpleReply(128 * KIB)
      }
    }
  })

  test('connections share bytes, and each has some of its own', async (t) => {
    const device = new GatedDevice(pattern(256 * KIB))
    const limits = { sharedBytes: 64 * KIB, ownBytesPerConnection: 4 * KIB }
    const { enter } = await startServer(t, { device, limits })
    const [greedy, other] = [await enter(), await enter()]
    greedy.send(reads(4, 32 * KIB))
    await until(() => device.held.length === 2, 'the greedy one has all that is shared')
    other.send(encodeRequest({ type: read, offset: 512, length: 4 * KIB }), reads(1, 32 * KIB))
    await until(() => device.held.length === 3, 'the other one has its own')
    device.open(512)
    await other.simpleReply(4 * KIB)
    // The greedy one came first: its next read, then the other's.
    device.open(0)
    await greedy.simpleReply(32 * KIB)
    await until(() => device.held.length === 2, 'the next is under way')
    greedy.close()
    await until(() => device.held.length === 1, 'what the greedy one had is free')
    device.open()
    await other.simpleReply(32 * KIB)
  })

  test('replies that are not read stop the requests', async (t) => {
    const { server, enter } = await startServer(t, { limits: { requestsPerConnection: 8 } })
    const client = await enter()
    client.socket.pause()
    const requests = reads(1000, 64 * KIB)
    let isTaken = false
    client.socket.write(requests, () => {
      isTaken = true
    })
    await until(() => isTaken && server.requestCount === 8, 'the limit is reached')
    assert.ok(server.bufferCount <= 8)
    for (let n = 0; n < 1000; n += 1) assert.equal((await client.simpleReply(64 * KIB)).cookie, BigInt(n))
    await until(() => server.requestCount === 0, 'nothing is under way')
    assert.equal(server.bufferCount, 0)
  })

  test('refused requests whose replies are not read are bounded too, and none is lost', async (t) => {
    const { server, enter } = await startServer(t, { limits: { requestsPerConnection: 8 } })
    const client = await enter({ isStructured: true })
    client.socket.pause()
    const count = 30_000
    const requests = Array.from({ length: count }, (_, n) =>
      encodeRequest({ type: trim, cookie: BigInt(n), length: 1 }),
    )
    client.socket.write(Buffer.concat(requests))
    await until(() => server.requestCount === 8, 'the limit is reached')
    for (let n = 0; n < count; n += 1) assert.equal((await client.chunk()).cookie, BigInt(n))
    await until(() => server.requestCount === 0, 'nothing is under way')
  })

  test('a short reply needs no more than its own size', async (t) => {
    const { server, enter } = await startServer(t, { device: new MemoryDevice(pattern(4096)) })
    const client = await enter()
    client.send(reads(1, 1))
    assert.equal((await client.simpleReply(1)).data.length, 1)
    await until(() => server.requestCount === 0, 'it has left')
  })

  test('a limit of nothing is a TypeError', () => {
    for (const requestsPerConnection of [0, -1, 0.5, Number.NaN]) {
      assert.throws(
        () => new NbdServer({ exports: new MemoryExports() }, { limits: { requestsPerConnection } }),
        TypeError,
      )
    }
  })
})
