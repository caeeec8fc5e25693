import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Swarm } from '@shoal/swarm'
import { HostilePeer, MESSAGE } from './hostile-peer.ts'
import { buildLayer, completed, type LayerDescription, startSwarm, storeLayer } from './layer-fixture.ts'

const MIB = 1024 * 1024
const { description, data } = buildLayer(MIB)

/** A daemon that has the whole layer, or none of it. */
async function daemon(
  t: TestContext,
  host: string,
  options: { layer?: LayerDescription; bytes?: Uint8Array; role?: 'origin' | 'peer'; upBytesPerSecond?: number } = {},
): Promise<Swarm> {
  const { layer = description, bytes, role = 'peer', ...rest } = options
  const swarm = await startSwarm(t, { role, node: host, host, ...rest })
  await swarm.join(await storeLayer(layer, bytes))
  return swarm
}

const meet = (t: TestContext, swarm: Swarm, from: string, peerId?: string) =>
  HostilePeer.meet(t, {
    address: swarm.address,
    from,
    infoHash: description.manifest.infoHash,
    ...(peerId === undefined ? {} : { peerId }),
  })

test('messages that nobody should send close the wire and nothing else', async (t) => {
  const swarm = await daemon(t, '127.0.21.1', { bytes: data })
  const lies: [string, (peer: HostilePeer) => void][] = [
    ['a bitfield of the wrong length', (peer) => peer.sendBytes(MESSAGE.bitfield, Buffer.alloc(100))],
    [
      'announcements without end',
      (peer) => {
        for (let n = 0; n < 3000; n += 1) peer.send(MESSAGE.haveAll)
      },
    ],
    ['a request of negative length', (peer) => ask(peer, 0, 0, -1)],
    ['a request beyond the layer', (peer) => ask(peer, 16, 0, 16384)],
    ['a request beyond its piece', (peer) => ask(peer, 0, 65536 - 16384, 32768)],
    ['a bitfield of 4 GiB', (peer) => peer.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, MESSAGE.bitfield]))],
    ['a bitfield as long as messages may be', (peer) => peer.sendBytes(MESSAGE.bitfield, Buffer.alloc(190 * 1024))],
    ['a HAVE without a piece', (peer) => peer.sendBytes(MESSAGE.have, Buffer.alloc(1))],
    ...[
      'l-3:',
      '-1:',
      'd',
      'd1:m',
      'le',
      'i1e',
      '',
      'de ',
      'd9:__proto__dee',
      'd1:a'.repeat(4000),
      `i${'9'.repeat(400)}e`,
    ].map((bomb): [string, (peer: HostilePeer) => void] => [
      `an extension handshake of "${bomb.slice(0, 10)}"`,
      (peer) => peer.sendBytes(MESSAGE.extended, Buffer.from(`\0${bomb}`, 'latin1')),
    ]),
    ...['l-3:', 'd', 'i0e', '5:ab', 'd1:a'.repeat(4000)].map((bomb): [string, (peer: HostilePeer) => void] => [
      `a ut_metadata message of "${bomb.slice(0, 10)}"`,
      (peer) => {
        peer.sendBytes(MESSAGE.extended, Buffer.from('\0d1:md11:ut_metadatai3eee', 'latin1'))
        peer.sendBytes(MESSAGE.extended, Buffer.from(`\u0001${bomb}`, 'latin1'))
      },
    ]),
    ['ut_metadata without a handshake', (peer) => peer.sendBytes(MESSAGE.extended, metadataRequest)],
    ['an empty ut_metadata message', (peer) => peer.sendBytes(MESSAGE.extended, Buffer.from([1]))],
    [
      'extension messages without end',
      (peer) => {
        for (let n = 0; n < 200; n += 1) peer.sendBytes(MESSAGE.extended, Buffer.from('\0de', 'latin1'))
      },
    ],
    [
      'choking back and forth',
      (peer) => {
        for (let n = 0; n < 3000; n += 1) {
          peer.send(MESSAGE.unchoke)
          peer.send(MESSAGE.choke)
        }
      },
    ],
  ]
  for (const [index, [name, lie]] of lies.entries()) {
    const peer = await meet(t, swarm, '127.0.21.2', `liar-${index}`.padEnd(20, '-'))
    lie(peer)
    await within(peer.closed, name)
  }
  assert.equal(swarm.stats().connections, 0)
})

test('an extension handshake with fields of the wrong type is that of another client', async (t) => {
  const swarm = await daemon(t, '127.0.32.1', { bytes: data })
  const hellos = ['i5e', 'le', '4:text', 'de', 'd4:nodei1e4:rolei1ee', 'd4:node1:a4:role4:peer4:porti-1e5:token2:aae']
  for (const [index, hello] of hellos.entries()) {
    const peer = await meet(t, swarm, '127.0.32.2', `odd-${index}`.padEnd(20, '-'))
    peer.sendBytes(MESSAGE.extended, Buffer.from(`\0d1:md5:shoali7ee5:shoal${hello}e`, 'latin1'))
    peer.send(MESSAGE.interested)
    peer.send(MESSAGE.request, 0, 0, 16384)
    await until(() => peer.uploadedBytes === 16384)
  }
})

test('a HAVE of a piece that does not exist is passed over', async (t) => {
  const swarm = await daemon(t, '127.0.22.1', { bytes: data })
  const peer = await meet(t, swarm, '127.0.22.2')
  for (const piece of [-1, 0x7fffffff, 16]) peer.send(MESSAGE.have, piece)
  peer.send(MESSAGE.interested)
  peer.send(MESSAGE.request, 0, 0, 16384)
  await until(() => peer.uploadedBytes === 16384)
})

test('who asks and never reads is closed before it fills our memory', async (t) => {
  const swarm = await daemon(t, '127.0.23.1', { bytes: data })
  const peer = await meet(t, swarm, '127.0.23.2')
  peer.socket.pause()
  // Choked still: each request is answered with a reject (BEP 6).
  const request = Buffer.alloc(17 * 10_000)
  for (let at = 0; at < request.length; at += 17)
    request.set([0, 0, 0, 13, MESSAGE.request, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0], at)
  const flood = setInterval(() => peer.socket.write(request), 1)
  t.after(() => clearInterval(flood))
  await until(() => swarm.stats().connections === 0, 20_000)
})

test('requests that are cancelled while they are answered do not wedge the wire', async (t) => {
  const swarm = await daemon(t, '127.0.24.1', { bytes: data, upBytesPerSecond: 8 * MIB })
  const peer = await meet(t, swarm, '127.0.24.2')
  peer.send(MESSAGE.interested)
  for (let n = 0; n < 64; n += 1) {
    peer.send(MESSAGE.request, n % 16, 0, 65536)
    peer.send(MESSAGE.cancel, n % 16, 0, 65536)
  }
  peer.send(MESSAGE.request, 3, 16384, 16384)
  const before = () => peer.uploadedBytes % 65536
  await until(() => before() === 16384)
  assert.equal(swarm.stats().uploadedBytes, peer.uploadedBytes)
})

test('a peer that says it has everything and refuses it all does not keep the origin from being asked', async (t) => {
  const origin = await daemon(t, '127.0.25.1', { bytes: data, role: 'origin' })
  const victim = await daemon(t, '127.0.25.2')
  const liar = await meet(t, victim, '127.0.25.3')
  liar.onRequest = (...request) => liar.send(MESSAGE.reject, ...request)
  liar.send(MESSAGE.haveAll)
  liar.send(MESSAGE.unchoke)
  await until(() => liar.requests.length > 0)
  const done = completed(victim)
  victim.get(description.manifest.digest)?.addPeers([origin.address])
  await done
})

test('a peer that says it has everything and answers nothing is no longer counted on', async (t) => {
  const origin = await daemon(t, '127.0.26.1', { bytes: data, role: 'origin' })
  const victim = await daemon(t, '127.0.26.2')
  const liar = await meet(t, victim, '127.0.26.3')
  liar.send(MESSAGE.haveAll)
  liar.send(MESSAGE.unchoke)
  await until(() => liar.requests.length > 0)
  const done = completed(victim)
  victim.get(description.manifest.digest)?.addPeers([origin.address])
  await done
})

test('connections of one host do not take every place', async (t) => {
  const swarm = await daemon(t, '127.0.27.1', { bytes: data })
  const tries = Array.from({ length: 30 }, (_, n) => meet(t, swarm, '127.0.27.2', `${n}`.padEnd(20, '-')))
  const met = (await Promise.allSettled(tries)).filter(({ status }) => status === 'fulfilled')
  assert.equal(met.length, 10)
  assert.equal(swarm.stats().connections, 10)
  await meet(t, swarm, '127.0.27.3')
  assert.equal(swarm.stats().connections, 11)
})

test('nobody loses its wire to another host that claims its peer id', async (t) => {
  const swarm = await daemon(t, '127.0.28.1', { bytes: data })
  const honest = await meet(t, swarm, '127.0.28.2', 'the-very-same-peer-i')
  await assert.rejects(meet(t, swarm, '127.0.28.3', 'the-very-same-peer-i'))
  assert.equal(honest.socket.destroyed, false)
})

test('connections without a handshake are bounded for each host', async (t) => {
  const swarm = await daemon(t, '127.0.29.1', { bytes: data })
  const [host = '', port] = swarm.address.split(':')
  let closed = 0
  for (let n = 0; n < 100; n += 1) {
    const socket = connect({ host, port: Number(port), localAddress: '127.0.29.2' })
    t.after(() => void socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => {
      closed += 1
    })
    socket.resume()
  }
  await until(() => closed === 36)
  await meet(t, swarm, '127.0.29.3')
})

const metadataRequest = Buffer.from('\u0001d8:msg_typei0e5:piecei0ee', 'latin1')

function ask(peer: HostilePeer, ...request: [piece: number, offset: number, length: number]): void {
  peer.send(MESSAGE.interested)
  // Choked requests are refused before they are looked at.
  setTimeout(() => peer.send(MESSAGE.request, ...request), 50)
}

function within(event: Promise<void>, name: string): Promise<void> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`still open after ${name}`)), 5000).unref()
  })
  return Promise.race([event, late])
}

/** Looks again and again until it holds. */
async function until(holds: () => boolean, timeoutMs = 10_000): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs)
  while (!holds()) {
    signal.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
