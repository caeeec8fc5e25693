import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import type { AccessRefusal, SwarmIdentity } from '@shoal/swarm'
import bencode from 'bencode'
import fc from 'fast-check'
import { DHT_SEAL_BYTES, DhtSeal } from '../../src/auth/dht-seal.ts'
import { buildLayer, completed, startSwarm, storeLayer } from '../layer-fixture.ts'
import { TestCluster } from './test-cluster.ts'

const FROM = { address: '192.0.2.1', port: 7442 }
const MESSAGE = Buffer.from('d1:q4:ping1:y1:qe')

function newSeal(clock = { now: () => Date.now() }, keys = [randomBytes(32)]) {
  const seal = new DhtSeal(clock)
  seal.setKeys(keys)
  return seal
}

test('a datagram opens where it is from, with a key that holds, for five minutes', () => {
  const clock = { time: 1_000_000_000_000, now: () => clock.time }
  const [older, newer] = [randomBytes(32), randomBytes(32)]
  const sealed = newSeal(clock, [older]).seal(MESSAGE, FROM) ?? assert.fail()
  const seal = newSeal(clock, [newer, older])
  assert.deepEqual(seal.open(sealed, FROM), MESSAGE)
  assert.equal(seal.open(sealed, { ...FROM, address: '192.0.2.2' }), 'replayed')
  assert.equal(seal.open(sealed, { ...FROM, port: 1 }), 'replayed')
  const anywhere = newSeal(clock, [older]).seal(MESSAGE, undefined) ?? assert.fail()
  assert.deepEqual(seal.open(anywhere, FROM), MESSAGE)
  clock.time += 5 * 60_000 + 1
  assert.equal(seal.open(sealed, FROM), 'stale')
  clock.time -= 10 * 60_000 + 2
  assert.equal(seal.open(sealed, FROM), 'stale')
  assert.equal(newSeal(clock, [newer]).open(sealed, FROM), 'no-credential')
  assert.equal(new DhtSeal(clock).seal(MESSAGE, FROM), undefined)
})

test('no byte of a datagram can be changed, and no other bytes are one', () => {
  const key = randomBytes(32)
  const seal = newSeal(undefined, [key])
  const sealed = seal.seal(MESSAGE, FROM) ?? assert.fail()
  assert.equal(sealed.length, MESSAGE.length + DHT_SEAL_BYTES)
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.equal(typeof seal.open(changed, FROM), 'string', `byte ${at}`)
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(typeof seal.open(Buffer.from(bytes), FROM), 'string')
    }),
    { numRuns: 500 },
  )
})

async function startNode(
  t: TestContext,
  node: string,
  host: string,
  options: { identity: SwarmIdentity; key?: Buffer; bootstrap?: string[] },
) {
  const role = node === 'seed' ? 'origin' : 'peer'
  const dht = { host, port: 0, bootstrap: options.bootstrap ?? [] }
  const swarm = await startSwarm(t, { role, node, host, dht }, options.identity)
  if (options.key !== undefined) swarm.setDhtKeys([options.key])
  return swarm
}

/** Asks a DHT node, and gives what it answers, or nothing within the time that it takes to answer somebody else. */
async function ask(address: string, from: string, message: Buffer) {
  const socket = createSocket('udp4')
  socket.bind(0, from)
  await once(socket, 'listening')
  const answers: Buffer[] = []
  socket.on('message', (answer) => answers.push(answer))
  const [host = '', port] = address.split(':')
  socket.send(message, Number(port), host)
  return { socket, answers }
}

test('nodes find each other by the DHT of their cluster, which answers nobody else and takes nothing from them', async (t) => {
  const cluster = new TestCluster()
  const key = randomBytes(32)
  const { description, data } = buildLayer(512 * 1024)
  const origin = await startNode(t, 'seed', '127.2.60.1', { identity: cluster.seed('seed').identity, key })
  await origin.join(await storeLayer(description, data))
  const address = origin.dhtAddress ?? ''
  const infoHash = Buffer.from(description.manifest.infoHash, 'hex')

  // Forged nodes, and an announce that would lead nodes to a stranger.
  const refusals: AccessRefusal[] = []
  origin.on('refused', (refusal) => refusals.push(refusal))
  const id = randomBytes(20)
  const query = (q: string, a: object) => Buffer.from(bencode.encode({ t: 'aa', y: 'q', q, a: { id, ...a } }))
  const strangers = [
    query('ping', {}),
    query('get_peers', { info_hash: infoHash }),
    query('announce_peer', { info_hash: infoHash, port: 6666, token: randomBytes(20) }),
    newSeal().seal(query('get_peers', { info_hash: infoHash }), undefined) ?? assert.fail(),
  ]
  const asked = await Promise.all(strangers.map((message) => ask(address, '127.2.60.9', message)))
  // What a node of the cluster says, said again by a stranger.
  const own = newSeal(undefined, [key]).seal(query('ping', {}), { address: '127.2.60.2', port: 1 }) ?? assert.fail()
  asked.push(await ask(address, '127.2.60.9', own))

  const peer = await startNode(t, 'n1', '127.2.60.2', {
    identity: cluster.node('n1').identity,
    ...{ key, bootstrap: [address] },
  })
  const done = completed(peer)
  await peer.join(await storeLayer(description))
  await done
  assert.deepEqual(peer.dhtNodes(), [address])
  assert.deepEqual(
    asked.map(({ answers }) => answers.length),
    [0, 0, 0, 0, 0],
  )
  assert.deepEqual(origin.dhtNodes(), [peer.dhtAddress])
  const reasons = refusals.filter(({ kind }) => kind === 'dht').map(({ reason }) => reason)
  assert.deepEqual(reasons.sort(), ['no-credential', 'no-credential', 'no-credential', 'no-credential', 'replayed'])
  for (const { socket } of asked) socket.close()
})

test('a node that does not know the key says nothing, and is told nothing', async (t) => {
  const cluster = new TestCluster()
  const origin = await startNode(t, 'seed', '127.2.61.1', {
    identity: cluster.seed('seed').identity,
    key: randomBytes(32),
  })
  const bootstrap = [origin.dhtAddress ?? '']
  const peer = await startNode(t, 'n1', '127.2.61.2', {
    identity: cluster.node('n1').identity,
    ...{ key: randomBytes(32), bootstrap },
  })
  const [refusal] = (await once(origin, 'refused')) as [AccessRefusal]
  assert.deepEqual({ kind: refusal.kind, reason: refusal.reason }, { kind: 'dht', reason: 'no-credential' })
  assert.deepEqual([origin.dhtNodes(), peer.dhtNodes()], [[], []])
})
