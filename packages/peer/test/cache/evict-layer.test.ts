import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { type Digest, silentLogger } from '@shoal/core'
import { createMemoryLayerStore } from '@shoal/layer-store'
import { createMemoryState } from '@shoal/state'
import { evictLayer } from '../../src/cache/evict-layer.ts'
import { EvictedLayers } from '../../src/cache/evicted-layers.ts'
import { LayerHolds } from '../../src/layer-holds.ts'
import { layerFixture, signingKey } from '../layer-fixture.ts'

const AT = '2026-11-22T00:00:00.000Z'

/** A node with one whole layer that is assigned. */
async function setUp() {
  const store = createMemoryLayerStore()
  await store.open()
  const layer = layerFixture(signingKey().privateKey, { sizeBytes: 1_000_000 })
  const { digest } = layer.manifest
  const stored = await store.create(layer)
  await stored.writeBlocks(0, layer.data)
  const evicted = new EvictedLayers({ state: createMemoryState(), logger: silentLogger })
  const left: Digest[] = []
  const users: string[] = []
  const holds = new LayerHolds()
  const deps = {
    ...{ store, holds, evicted },
    swarm: { leave: async (digest: Digest) => void left.push(digest) },
    assignedAt: () => AT,
    usersOf: async () => users,
  }
  return { store, stored, digest, evicted, left, users, holds, deps }
}

test('an evicted layer has left its swarm, its assignment has ended, and it is gone', async () => {
  const { store, digest, evicted, left, deps } = await setUp()
  equal(await evictLayer(digest, 0, deps), true)
  equal(store.get(digest), undefined)
  equal(evicted.has(digest, AT), true)
  deepEqual(left, [digest])
})

test('a part at its beginning may stay', async () => {
  const { stored, digest, deps } = await setUp()
  equal(await evictLayer(digest, 300_000, deps), true)
  const { blockLengthBytes } = stored.manifest
  equal(stored.presentBytes, Math.ceil(300_000 / blockLengthBytes) * blockLengthBytes)
})

test('what is held, or was opened since somebody looked, stays as it was and stays assigned', async () => {
  const { store, digest, evicted, left, users, holds, deps } = await setUp()
  const release = holds.hold([digest], 'disk')
  equal(await evictLayer(digest, 0, deps), false)
  release?.()
  users.push('qemu')
  equal(await evictLayer(digest, 300_000, deps), false)
  equal(store.get(digest)?.isComplete, true)
  equal(evicted.has(digest, AT), false)
  deepEqual(left, [])
})

test('a layer that could not be removed stays assigned', async () => {
  const { store, digest, evicted, deps } = await setUp()
  store.remove = async () => {
    throw new Error('disk')
  }
  await rejects(evictLayer(digest, 0, deps))
  equal(evicted.has(digest, AT), false)
})
