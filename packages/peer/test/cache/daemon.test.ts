import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Client, createClient } from '@shoal/api'
import type { Digest } from '@shoal/core'
import type { Peer } from '@shoal/peer'
import { type LayerFixture, layerFixture, signingKey } from '../layer-fixture.ts'
import { eventually, layerOf, peerSettings, startPeer, testDirectory } from '../peer-fixture.ts'
import { StandInSeed } from '../stand-in-seed.ts'

const MIB = 1024 ** 2
/** Assigned long before what comes later. */
const BEFORE = { assignedAt: new Date(Date.now() - 3_600_000).toISOString() }

/** A running peer whose cache takes `limitMiB`, a seed with so many layers of 4 MiB, and the peer's own API. */
async function setUp(options: { limitMiB: number; layers: number; settings?: Record<string, unknown> }) {
  const stack = new AsyncDisposableStack()
  const { privateKey, publicKey } = signingKey()
  const directory = stack.use(await testDirectory())
  const seed = stack.use(await new StandInSeed({ publicKey }).start())
  const layers = Array.from({ length: options.layers }, () => layerFixture(privateKey, { sizeBytes: 4 * MIB }))
  for (const layer of layers) await seed.publish(layer)
  const settings: Record<string, unknown> = {
    ...(await peerSettings(directory.path, seed.url)),
    'cache.maxBytes': options.limitMiB * MIB,
    'cache.highWatermark': 1,
    'cache.lowWatermark': 1,
    'heartbeat.intervalMs': 100,
    ...options.settings,
  }
  let running = stack.use(await startPeer(settings))
  const connect = async (peer: Peer): Promise<Client> => {
    const token = (await readFile(join(String(settings.stateDirectory), 'api-token'), 'utf8')).trim()
    return createClient({ baseUrl: peer.apiUrl, token })
  }
  let client = await connect(running)
  return {
    seed,
    digests: layers.map(({ manifest }) => manifest.digest),
    layers: layers as readonly LayerFixture[],
    get peer() {
      return running
    },
    get client() {
      return client
    },
    restart: async () => {
      await running.stop()
      running = stack.use(await startPeer(settings))
      client = await connect(running)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

type SetUp = Awaited<ReturnType<typeof setUp>>

function inState(it: SetUp, digest: Digest, state: string) {
  return eventually(async () => (await layerOf(it.peer, digest))?.state === state || undefined, {
    what: `${digest} ${state}`,
  })
}

async function complete(it: SetUp, ...digests: Digest[]): Promise<void> {
  for (const digest of digests) await inState(it, digest, 'complete')
}

/** Not there, and the seed has taken its assignment back. */
function gone(it: SetUp, digest: Digest): Promise<boolean> {
  return eventually(async () => (await layerOf(it.peer, digest)) === undefined || undefined, { what: `${digest} gone` })
}

function at(list: readonly Digest[], index: number): Digest {
  const digest = list[index]
  if (digest === undefined) throw new RangeError(`${index}`)
  return digest
}

test('a later assignment evicts what is worth least, which ends that assignment; assigned anew it is fetched again', async () => {
  await using it = await setUp({ limitMiB: 9, layers: 3 })
  const [first, second, third] = [at(it.digests, 0), at(it.digests, 1), at(it.digests, 2)]
  it.seed.desire({ assigned: [first], about: BEFORE })
  await complete(it, first)
  it.seed.desire({ assigned: [first, second] })
  await complete(it, second)
  it.seed.desire({ assigned: [first, second, third] })
  await complete(it, third)
  await gone(it, first)
  const told = await eventually(() => it.seed.events.find(({ type }) => type === 'layer.evicted'), { what: 'told' })
  equal(told.layer, first)
  equal(told.details.reason, 'space')
  equal((await it.client.showCache()).evictions.space, 1)
  ok((await it.client.showCache()).takenBytes <= 9 * MIB)

  it.seed.desire({ assigned: [first, third], about: { assignedAt: new Date(Date.now() + 1000).toISOString() } })
  await complete(it, first)
  await gone(it, second)
})

test('of what is assigned at once the most urgent stays; the rest says who holds the space, and nothing is lost', async () => {
  await using it = await setUp({ limitMiB: 9, layers: 4 })
  it.seed.desire({ assigned: it.digests })
  const failed = await eventually(
    async () => {
      const { layers } = await it.peer.status()
      const full = layers.filter(({ error }) => error?.code === 'SHOAL_CACHE_FULL')
      return full.length === 2 && layers.filter(({ state }) => state === 'complete').length === 2 ? full : undefined
    },
    { what: 'two fit and two do not' },
  )
  for (const { error } of failed) match(error?.message ?? '', /assigned with it|on its way/)
  equal(it.seed.events.filter(({ type }) => type === 'layer.evicted').length, 0)
})

test('a pin keeps a layer over a restart; without it the layer goes, and a dry run says so first', async () => {
  await using it = await setUp({ limitMiB: 9, layers: 3 })
  const [first, second, third] = [at(it.digests, 0), at(it.digests, 1), at(it.digests, 2)]
  const pin = await it.client.pinLayer({ params: { layer: first }, body: { owner: 'golden image' } })
  deepEqual([pin.kind, pin.owner, pin.expiresAt], ['operator', 'golden image', null])
  it.seed.desire({ assigned: [first], about: BEFORE })
  await complete(it, first)
  await it.restart()
  it.seed.desire({ assigned: [first, second], about: BEFORE })
  await complete(it, first, second)
  it.seed.desire({ assigned: [first, second, third] })
  await complete(it, first, third)
  await gone(it, second)
  await rejects(it.client.evictLayers({ body: { layer: first } }), { code: 'SHOAL_CACHE_PINNED' })
  const { layers } = await it.client.listCache()
  deepEqual(
    layers.find(({ layer }) => layer === first)?.pins.map(({ owner }) => owner),
    ['golden image'],
  )

  await it.client.unpinLayer({ params: { layer: first }, query: { owner: 'golden image' } })
  await rejects(it.client.unpinLayer({ params: { layer: first }, query: {} }), { code: 'SHOAL_CACHE_PIN_UNKNOWN' })
  const dry = await it.client.evictLayers({ body: { layer: first, dryRun: true } })
  deepEqual(
    dry.evictions.map(({ layer }) => layer),
    [first],
  )
  await complete(it, first)
  const { path } = (await layerOf(it.peer, first)) ?? { path: '' }
  const wet = await it.client.evictLayers({ body: { layer: first } })
  ok(wet.freedBytes >= 4 * MIB)
  equal(existsSync(path), false)
})

test('a plan pins what it assigns until its time is over', async () => {
  await using it = await setUp({ limitMiB: 9, layers: 3 })
  const [first, second, third] = [at(it.digests, 0), at(it.digests, 1), at(it.digests, 2)]
  const pinnedUntil = new Date(Date.now() + 3_600_000).toISOString()
  it.seed.desire({ assigned: [first], about: { ...BEFORE, pinnedUntil } })
  await complete(it, first)
  it.seed.desire({ assigned: [first, second], about: BEFORE })
  await complete(it, second)
  it.seed.desire({ assigned: [first, second, third] })
  await complete(it, first, third)
  const { layers } = await it.client.listCache()
  deepEqual(
    layers.find(({ layer }) => layer === first)?.pins.map(({ kind }) => kind),
    ['plan'],
  )
})

test('of an evicted layer what a boot reads stays, is counted as such, and only the rest is fetched again', async () => {
  await using it = await setUp({ limitMiB: 10, layers: 2, settings: { 'cache.bootShare': 0.2 } })
  const [first, second] = [at(it.digests, 0), at(it.digests, 1)]
  for (const digest of it.digests) {
    it.seed.facts.set(digest, { useShare: 0, replicas: { rack: 0, zone: 0, elsewhere: 0 }, bootBytes: MIB })
  }
  it.seed.desire({ assigned: [first] })
  await complete(it, first)
  const seen = it.seed.heartbeats.length
  await eventually(() => it.seed.heartbeats.length > seen + 1 || undefined, { what: 'the seed has told its facts' })
  const { evictions } = await it.client.evictLayers({ body: { bytes: 3 * MIB } })
  deepEqual(
    evictions.map(({ keptBytes }) => keptBytes),
    [MIB],
  )
  const { layers } = await it.client.listCache()
  equal(layers[0]?.presentBytes, MIB)
  ok((layers[0]?.allocatedBytes ?? 0) < 1.2 * MIB)

  it.seed.desire({ assigned: [first, second], about: { assignedAt: new Date(Date.now() + 1000).toISOString() } })
  await complete(it, first, second)
  const again = (await layerOf(it.peer, first)) ?? { fromOriginBytes: 0, path: '' }
  equal(again.fromOriginBytes, 3 * MIB)
  equal(Buffer.compare(await readFile(again.path), it.layers[0]?.data ?? Buffer.alloc(0)), 0)
})

test('the policy is changed while it runs and holds after a restart, until it is taken back', async () => {
  await using it = await setUp({ limitMiB: 9, layers: 0 })
  equal((await it.client.showCache()).policy, 'worth')
  equal((await it.client.setCachePolicy({ body: { policy: 'lru' } })).policy, 'lru')
  await it.restart()
  equal((await it.client.showCache()).policy, 'lru')
  await rejects(it.client.setCachePolicy({ body: { policy: 'best' } }), { code: 'SHOAL_CACHE_POLICY_UNKNOWN' })
  equal((await it.client.setCachePolicy({ body: { policy: null } })).policy, 'worth')
})

test('blocks that rot on disk are found by the scrubber, told, and fetched again', async () => {
  await using it = await setUp({ limitMiB: 9, layers: 1, settings: { 'cache.scrubBytesPerSecond': 64 * MIB } })
  const [first] = it.digests
  if (first === undefined) throw new Error('no layer')
  it.seed.desire({ assigned: [first] })
  await complete(it, first)
  const { path } = (await layerOf(it.peer, first)) ?? { path: '' }
  const { size } = await stat(path)
  {
    await using file = await open(path, 'r+')
    await file.write(Buffer.from('rot'), 0, 3, size - 1000)
  }
  // The first round is over; the next begins with the daemon.
  await it.restart()
  const told = await eventually(() => it.seed.events.find(({ type }) => type === 'layer.corrupt'), { what: 'told' })
  equal(told.layer, first)
  await eventually(
    async () => {
      const isHeld = (await layerOf(it.peer, first))?.state === 'complete'
      return (isHeld && Buffer.compare(await readFile(path), it.layers[0]?.data ?? Buffer.alloc(0)) === 0) || undefined
    },
    { what: 'fetched again' },
  )
})
