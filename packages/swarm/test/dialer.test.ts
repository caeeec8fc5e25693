import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ManualClock } from '@shoal/core'
import fc from 'fast-check'
import { Dialer, parseAddress } from '../src/dialer.ts'

test('addresses are host and port, and nothing else is taken', () => {
  assert.deepEqual(parseAddress('127.0.0.1:6881'), { host: '127.0.0.1', port: 6881 })
  assert.deepEqual(parseAddress('node-1.rack.example:1'), { host: 'node-1.rack.example', port: 1 })
  for (const bad of ['', ':1', 'a', 'a:0', 'a:65536', 'a:1.5', 'a b:1', '-a:1', `${'a'.repeat(300)}:1`]) {
    assert.equal(parseAddress(bad), undefined, bad)
  }
  fc.assert(fc.property(fc.string(), (text) => void parseAddress(text)))
})

test('connects from the address it is told to use', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const seen = once(server, 'connection')
  const dialer = new Dialer({
    clock: new ManualClock(),
    localHost: '127.0.0.77',
    ownAddress: '127.0.0.77:1',
    isBanned: () => false,
    onSocket: (socket) => socket.end(),
  })
  dialer.add([`127.0.0.1:${port}`, '127.0.0.77:1'])
  dialer.dial({ room: 10, isAlone: false }, () => false)
  const [socket] = await seen
  assert.equal(socket.remoteAddress, '127.0.0.77')
  socket.destroy()
})

test('an address that refuses is tried again later, not at once', async () => {
  const clock = new ManualClock()
  const dialled: string[] = []
  const dialer = new Dialer({
    clock,
    localHost: '127.0.0.1',
    ownAddress: '',
    isBanned: () => false,
    onSocket: () => {},
  })
  // Port 1 of loopback refuses at once.
  dialer.add(['127.0.0.1:1'])
  const attempt = () =>
    new Promise<void>((resolve) => {
      dialer.dial({ room: 1, isAlone: false }, (address) => {
        dialled.push(address)
        return false
      })
      setImmediate(resolve)
    })
  await attempt()
  assert.equal(dialled.length, 1)
  await attempt()
  assert.equal(dialled.length, 1)
})

test('who is connected to nobody tries every few seconds and gives no address up; who is not, more and more seldom', async () => {
  const clock = new ManualClock()
  const dialer = new Dialer({
    ...{ clock, localHost: '127.0.0.1', ownAddress: '', isBanned: () => false },
    onSocket: () => {},
  })
  // Port 1 of loopback refuses at once.
  dialer.add(['127.0.0.1:1', '127.0.0.2:1'])
  /** Whom it dials within so many seconds. */
  const dialledIn = async (seconds: number, isAlone: boolean) => {
    const dialled: string[] = []
    for (let second = 0; second < seconds; second += 1) {
      clock.advance(1000)
      dialer.dial({ room: 2, isAlone }, (address) => dialled.push(address) === 0)
      // Until each has failed.
      while (process.getActiveResourcesInfo().some((what) => what.startsWith('TCP'))) await nextTurn()
    }
    return dialled
  }
  const alone = await dialledIn(120, true)
  for (const address of ['127.0.0.1:1', '127.0.0.2:1']) {
    const times = alone.filter((each) => each === address).length
    assert.ok(times >= 20, `${address}: ${times} times`)
  }
  // Both were tried in vain more often than an address is usually tried at all.
  const seldom = await dialledIn(50, false)
  assert.deepEqual(seldom, [])
  assert.equal((await dialledIn(3, true)).length, 2)
})

test('a banned host is not dialled, and a name that leads to one is hung up on', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  let taken = 0
  const dialer = new Dialer({
    clock: new ManualClock(),
    localHost: '127.0.0.1',
    ownAddress: '',
    isBanned: (host) => host === '127.0.0.1',
    onSocket: () => {
      taken += 1
    },
  })
  const connected = once(server, 'connection')
  dialer.add([`127.0.0.1:${port}`, `localhost:${port}`])
  dialer.dial({ room: 10, isAlone: false }, () => false)
  const [socket] = await connected
  socket.resume()
  await once(socket, 'close')
  const connections = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)))
  assert.equal(connections, 0)
  assert.equal(taken, 0)
})

test('connections without a handshake count for the room there is', async (t) => {
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer((socket) => void sockets.add(socket)).listen(0, '0.0.0.0')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const asked: string[] = []
  const connected = Promise.withResolvers<void>()
  const dialer = new Dialer({
    clock: new ManualClock(),
    localHost: '127.0.0.1',
    ownAddress: '',
    isBanned: () => false,
    onSocket: () => connected.resolve(),
  })
  dialer.add([1, 2, 3].map((host) => `127.0.0.${host}:${port}`))
  const dial = () =>
    dialer.dial({ room: 1, isAlone: false }, (address) => {
      asked.push(address)
      return false
    })
  dial()
  await connected.promise
  dial()
  assert.deepEqual(asked, [`127.0.0.1:${port}`])
  dialer.met(`127.0.0.1:${port}`, 'peer')
  dial()
  assert.deepEqual(asked.at(-1), `127.0.0.2:${port}`)
  for (const socket of sockets) socket.destroy()
})
