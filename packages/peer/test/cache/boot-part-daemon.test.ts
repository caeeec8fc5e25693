import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createClient } from '@shoal/api'
import { eventually, layerOf, peerSettings, startPeer, testDirectory } from '../peer-fixture.ts'
import { StandInSeed } from '../stand-in-seed.ts'
import { IMAGE, profiledLayer } from './profiled-layer.ts'

const MIB = 1024 ** 2

test('a daemon keeps what the boot profile names of a layer that must go, over a restart, and fetches only the rest', async () => {
  const { layer, digest, facts, bootBytes, left, encoded, key } = profiledLayer()
  await using directory = await testDirectory()
  await using seed = await new StandInSeed(key).start()
  await seed.publish(layer)
  seed.facts.set(digest, facts)
  seed.profiles.set(IMAGE, encoded)
  const settings = {
    ...(await peerSettings(directory.path, seed.url)),
    stateDirectory: join(directory.path, 'peer'),
    ...{ 'cache.maxBytes': 10 * MIB, 'cache.highWatermark': 1, 'cache.lowWatermark': 1, 'cache.bootShare': 0.2 },
    'heartbeat.intervalMs': 100,
  }
  await using before = await startPeer(settings)
  const complete = (peer: typeof before) => {
    return eventually(async () => (await layerOf(peer, digest))?.state === 'complete' || undefined, {
      what: 'complete',
    })
  }
  seed.desire({ assigned: [digest] })
  await complete(before)
  const heard = seed.heartbeats.length
  await eventually(() => seed.heartbeats.length > heard + 1 || undefined, { what: 'the seed has told its facts' })
  const { path } = (await layerOf(before, digest)) ?? { path: '' }
  const whole = await stat(path)
  const token = (await readFile(join(settings.stateDirectory, 'api-token'), 'utf8')).trim()
  const client = createClient({ baseUrl: before.apiUrl, token })
  const { evictions } = await client.evictLayers({ body: { bytes: 3 * MIB } })
  deepEqual(
    evictions.map(({ keptBytes }) => keptBytes),
    [bootBytes],
  )
  const part = await stat(path)
  ok((whole.blocks - part.blocks) * 512 >= layer.data.length - bootBytes - part.blksize)
  equal(Buffer.compare(await readFile(path), left), 0)
  await before.stop()

  await using after = await startPeer(settings)
  equal((await layerOf(after, digest))?.presentBytes, bootBytes)
  seed.desire({ assigned: [digest], about: { assignedAt: new Date(Date.now() + 1000).toISOString() } })
  await complete(after)
  equal((await layerOf(after, digest))?.fromOriginBytes, layer.data.length - bootBytes)
  equal(Buffer.compare(await readFile(path), layer.data), 0)
})
