import assert from 'node:assert/strict'
import { access } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { COMMAND, ERRNO, OPTION, OPTION_REPLY } from '../src/protocol.ts'
import { GatedDevice } from './gated-device.ts'
import { encodeInfoQuery, encodeOption } from './nbd-client.ts'
import { pattern, startServer } from './start-server.ts'
import { until } from './until.ts'

const { read, disconnect } = COMMAND

describe('when the client goes', () => {
  for (const how of ['destroy', 'end'] as const) {
    test(`its reads are aborted and its export is released (${how})`, async (t) => {
      const device = new GatedDevice(pattern(4096))
      const { server, exports, enter } = await startServer(t, { device })
      const client = await enter()
      for (let n = 0; n < 5; n += 1) client.request({ type: read, length: 512 })
      await until(() => device.held.length === 5, 'five reads stand still')
      client.socket[how]()
      await until(() => server.connectionCount === 0, 'the connection is over')
      assert.equal(device.abortedCount, 5)
      assert.deepEqual([server.requestCount, server.bufferCount, exports.usedCount], [0, 0, 0])
    })
  }

  test('it is noticed although its requests are at the limit', async (t) => {
    const device = new GatedDevice(pattern(4096))
    const { server, enter } = await startServer(t, { device, limits: { requestsPerConnection: 2 } })
    const client = await enter()
    for (let n = 0; n < 5; n += 1) client.request({ type: read, length: 512 })
    await until(() => device.held.length === 2, 'two reads stand still')
    client.close()
    await until(() => server.connectionCount === 0, 'the connection is over')
    assert.equal(device.abortedCount, 2)
  })

  test('a device that goes on reading keeps its buffer until it is done', async (t) => {
    const device = new GatedDevice(pattern(4096))
    const stubborn = Object.assign(device, { abortedCount: 0 })
    const { server, enter } = await startServer(t, {
      device: Object.assign(Object.create(null), {
        sizeBytes: 4096,
        blockSizes: device.blockSizes,
        isReadOnly: true,
        extents: () => [],
        read: (offset: number, length: number, into: Buffer) =>
          stubborn.read(offset, length, into, { signal: new AbortController().signal }),
      }),
    })
    const client = await enter()
    client.request({ type: read, length: 512 })
    await until(() => device.held.length === 1, 'the read stands still')
    client.close()
    await new Promise((resolve) => client.socket.once('close', resolve))
    assert.deepEqual([server.bufferCount, server.connectionCount], [1, 1])
    device.open()
    await until(() => server.connectionCount === 0, 'the connection is over')
    assert.equal(server.bufferCount, 0)
  })

  test('after its goodbye it has some time to take its replies', async (t) => {
    const clock = new ManualClock()
    const device = new GatedDevice(pattern(4096))
    const { server, enter } = await startServer(t, { clock, device })
    const client = await enter()
    client.request({ type: read, length: 512 })
    client.request({ type: disconnect })
    await until(() => device.held.length === 1, 'the read stands still')
    client.socket.end()
    clock.advance(9_999)
    assert.equal(device.abortedCount, 0)
    await until(() => {
      clock.advance(1)
      return device.abortedCount === 1
    }, 'the read is aborted')
    await until(() => server.connectionCount === 0, 'the connection is over')
  })
})

describe('when the server closes', () => {
  test('replies that are under way leave, and what comes then is refused', async (t) => {
    const device = new GatedDevice(pattern(4096))
    const { server, path, enter } = await startServer(t, { device })
    const [client, idle] = [await enter(), await enter()]
    client.request({ type: read, cookie: 1n, length: 512 })
    await until(() => device.held.length === 1, 'the read stands still')
    const closed = server.close()
    await idle.ended
    client.request({ type: read, cookie: 2n, length: 512 })
    const { errno, cookie } = await client.simpleReply(512)
    assert.deepEqual([errno, cookie], [ERRNO.ESHUTDOWN, 2n])
    device.open()
    assert.equal((await client.simpleReply(512)).cookie, 1n)
    await client.ended
    for (const each of [client, idle]) each.close()
    await closed
    await assert.rejects(access(path), { code: 'ENOENT' })
    assert.deepEqual([server.connectionCount, server.requestCount, server.bufferCount], [0, 0, 0])
  })

  test('what is under way after the grace fails with ESHUTDOWN', async (t) => {
    const clock = new ManualClock()
    const device = new GatedDevice(pattern(4096))
    const { server, enter } = await startServer(t, { clock, device })
    const client = await enter({ isStructured: true })
    client.request({ type: read, length: 512 })
    await until(() => device.held.length === 1, 'the read stands still')
    const closed = server.close({ graceMs: 500 })
    const failed = client.chunks()
    await until(() => {
      clock.advance(500)
      return device.abortedCount === 1
    }, 'the grace is over')
    assert.equal((await failed)[0]?.payload.readUInt32BE(), ERRNO.ESHUTDOWN)
    client.socket.end()
    await closed
  })

  test('a server that will return answers nothing more, so that clients ask again', async (t) => {
    const clock = new ManualClock()
    const device = new GatedDevice(pattern(4096))
    const { server, enter } = await startServer(t, { clock, device })
    const [ready, late] = [await enter(), await enter()]
    ready.request({ type: read, cookie: 3n, length: 512 })
    late.request({ type: read, cookie: 3n, offset: 512, length: 512 })
    await until(() => device.held.length === 2, 'two reads stand still')
    const closed = server.close({ graceMs: 500, willReturn: true })
    ready.request({ type: read, cookie: 4n, length: 512 })
    device.open(0)
    assert.equal((await ready.simpleReply(512)).cookie, 3n)
    await ready.ended
    ready.close()
    await until(() => {
      clock.advance(500)
      return device.abortedCount === 1
    }, 'the grace is over')
    await assert.rejects(late.simpleReply(512), { code: 'SHOAL_NBD_DISCONNECTED' })
    late.close()
    await closed
  })

  test('a handshake is told so, and may only be aborted', async (t) => {
    const { server, connect } = await startServer(t)
    const [polite, old] = [await connect(), await connect()]
    for (const client of [polite, old]) await client.greet()
    await until(() => server.connectionCount === 2, 'both are connected')
    const closed = server.close()
    const [refusal] = await polite.option(OPTION.go, encodeInfoQuery('disk'))
    assert.equal(refusal?.type, OPTION_REPLY.shutdown)
    assert.equal((await polite.option(OPTION.abort))[0]?.type, OPTION_REPLY.ack)
    old.send(encodeOption(OPTION.exportName, Buffer.from('disk')))
    await old.ended
    for (const client of [polite, old]) client.close()
    await closed
  })

  test('closing twice is closing once, and it listens no more', async (t) => {
    const { server, path } = await startServer(t)
    await Promise.all([server.close(), server.close()])
    await server.close()
    await assert.rejects(server.listenUnix(path), { code: 'SHOAL_NBD_SHUTDOWN' })
  })
})
