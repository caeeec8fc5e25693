import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BlockBuffer, BlockBuffers, silentLogger, systemClock, TransferLimits } from '@shoal/core'
import { type BanEvent, createSwarm, type Swarm, type SwarmLayer, type SwarmOptions } from '@shoal/swarm'
import { undoAfter } from '../../../test/harness/undo.ts'
import { until } from '../../../test/harness/until.ts'
import { buildLayer, completed, storeLayer } from './layer-fixture.ts'

const KIB = 1024
const MIB = 1024 * KIB
/** Pieces of four blocks. */
const { description, data } = buildLayer(4 * MIB + 100, { pieceLengthBytes: 256 * KIB })

type Undo = ReturnType<typeof undoAfter>

/** A daemon with buffers of its own, none of which may be in use when it is closed. */
async function start(undo: Undo, options: Pick<SwarmOptions, 'role' | 'host'> & Partial<SwarmOptions>) {
  const buffers = new BlockBuffers({ count: 64 })
  const swarm = createSwarm(
    { clock: systemClock, logger: silentLogger, buffers },
    { node: options.host, port: 0, dht: false, trackers: [], ...options },
  )
  await swarm.start()
  undo.after(async () => {
    await swarm.close()
    await until('buffers to be free', async () => buffers.usedCount === 0, { everyMs: 5, timeoutMs: 5000 })
  })
  const join = async (bytes?: Uint8Array, from: readonly Swarm[] = []) => {
    const layer = await storeLayer(description, bytes, buffers)
    const joined = await swarm.join(layer)
    joined.addPeers(from.map(({ address }) => address))
    return layer
  }
  return { swarm, buffers, join }
}

/** A daemon that has the whole layer and reads it in another way. */
async function lying(
  undo: Undo,
  options: Pick<SwarmOptions, 'role' | 'host'>,
  readBlock: (layer: SwarmLayer, block: number) => BlockBuffer | Promise<BlockBuffer>,
): Promise<Swarm> {
  const { swarm, buffers } = await start(undo, options)
  const layer = await storeLayer(description, data, buffers)
  const liar = new Proxy<SwarmLayer>(layer, {
    get(target, name) {
      if (name === 'readBlock') return (block: number) => readBlock(layer, block)
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  await swarm.join(liar)
  return swarm
}

/** An origin that takes every WANT and request and answers none. */
function mute(undo: Undo, host: string): Promise<Swarm> {
  return lying(undo, { role: 'origin', host }, () => new Promise(() => {}))
}

test('one that says it is the origin and gives nothing holds nobody up', async (t) => {
  const undo = undoAfter(t)
  const fakes = [await mute(undo, '127.60.1.1'), await mute(undo, '127.60.1.2')]
  const honest = await start(undo, { role: 'peer', host: '127.60.1.3' })
  await honest.join(data)
  const peer = await start(undo, { role: 'peer', host: '127.60.1.4' })
  const done = completed(peer.swarm)
  const startedAt = performance.now()
  const layer = await peer.join(undefined, [...fakes, honest.swarm])
  await done
  assert.ok(data.equals(await layer.read(0, data.length)))
  assert.ok(performance.now() - startedAt < 10_000)
})

test('the origin gives what a mute one had been asked to choose', async (t) => {
  const undo = undoAfter(t)
  const fake = await mute(undo, '127.60.2.1')
  const origin = await start(undo, { role: 'origin', host: '127.60.2.2' })
  await origin.join(data)
  const peers = await Promise.all(['127.60.2.3', '127.60.2.4'].map((host) => start(undo, { role: 'peer', host })))
  const done = peers.map(({ swarm }) => completed(swarm))
  await Promise.all(peers.map(({ join }) => join(undefined, [fake, origin.swarm, ...peers.map(({ swarm }) => swarm)])))
  await Promise.all(done)
  const copies = origin.swarm.stats().uploadedBytes / data.length
  assert.ok(copies < 2, `seed copies ${copies}`)
})

test('two origins, one of which ends in the middle and comes back, are as good as one', async (t) => {
  const undo = undoAfter(t)
  const slow = () => ({ limits: new TransferLimits(systemClock, { upBytesPerSecond: 2 * MIB }) })
  const first = await start(undo, { role: 'origin', host: '127.60.3.1', ...slow() })
  const second = await start(undo, { role: 'origin', host: '127.60.3.2', ...slow() })
  await first.join(data)
  await second.join(data)
  const peers = await Promise.all(
    ['127.60.3.3', '127.60.3.4', '127.60.3.5'].map((host) => start(undo, { role: 'peer', host })),
  )
  const done = peers.map(({ swarm }) => completed(swarm))
  const layers = await Promise.all(
    peers.map(({ join }) => join(undefined, [first.swarm, second.swarm, ...peers.map(({ swarm }) => swarm)])),
  )
  await until('some of it', async () => layers.every(({ presentBytes }) => presentBytes > MIB), {
    everyMs: 10,
    timeoutMs: 10_000,
  })
  await first.swarm.close()
  const again = await start(undo, { role: 'origin', host: '127.60.3.1', ...slow() })
  await again.join(data)
  for (const { swarm } of peers) swarm.get(description.manifest.digest)?.addPeers([again.swarm.address])
  await Promise.all(done)
  for (const layer of layers) assert.ok(data.equals(await layer.read(0, data.length)))
  const received = peers.map(({ swarm }) => swarm.stats().downloadedBytes)
  for (const bytes of received) assert.ok(bytes < data.length * 1.5, `${bytes} of ${data.length}`)
})

test('one bad block in a piece, of an origin that chooses, bans it and nobody who passes on the rest', async (t) => {
  const undo = undoAfter(t)
  const liar = await lying(undo, { role: 'origin', host: '127.60.4.1' }, async (layer, block) => {
    if (block % 16 !== 5) return layer.readBlock(block)
    const bad = await layer.buffers.acquireWhenFree()
    bad.bytes.fill(0xee)
    return bad
  })
  const peers = await Promise.all(
    ['127.60.4.2', '127.60.4.3', '127.60.4.4'].map((host) => start(undo, { role: 'peer', host })),
  )
  const bans: BanEvent[] = []
  for (const { swarm } of peers) swarm.on('ban', (event) => bans.push(event))
  const done = peers.map(({ swarm }) => completed(swarm))
  const layers = await Promise.all(peers.map(({ join }) => join(undefined, [liar, ...peers.map(({ swarm }) => swarm)])))
  await until('all to know the liar', async () => new Set(bans.map(({ node }) => node)).size > 0 && bans.length >= 3, {
    everyMs: 5,
    timeoutMs: 10_000,
  })
  const honest = await start(undo, { role: 'origin', host: '127.60.4.5' })
  await honest.join(data)
  for (const { swarm } of peers) swarm.get(description.manifest.digest)?.addPeers([honest.swarm.address])
  await Promise.all(done)
  for (const layer of layers) assert.ok(data.equals(await layer.read(0, data.length)))
  assert.deepEqual(new Set(bans.map(({ address }) => address.split(':')[0])), new Set(['127.60.4.1']))
})
