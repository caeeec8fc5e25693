import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { Bitfield, type Digest, silentLogger } from '@shoal/core'
import { createMemoryLayerStore, type StoredLayer } from '@shoal/layer-store'
import { createMemoryState } from '@shoal/state'
import { type EvictLayerDeps, evictLayer } from '../../src/cache/evict-layer.ts'
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
  const part: { blocks: number[] | undefined } = { blocks: [1, 4] }
  const bootPart = async ({ present }: StoredLayer) => {
    const blocks = new Bitfield(present.length)
    for (const block of part.blocks ?? []) blocks.set(block)
    return part.blocks && blocks
  }
  const deps: EvictLayerDeps = {
    ...{ store, holds, evicted, bootPart, logger: silentLogger },
    swarm: { leave: async (digest: Digest) => void left.push(digest) },
    assignedAt: () => AT,
    usersOf: async () => users,
  }
  return { store, stored, digest, evicted, left, users, holds, deps, part }
}

test('an evicted layer has left its swarm, its assignment has ended, and it is gone', async () => {
  const { store, digest, evicted, left, deps } = await setUp()
  equal(await evictLayer(digest, 0, deps), 0)
  equal(store.get(digest), undefined)
  equal(evicted.has(digest, AT), true)
  deepEqual(left, [digest])
})

test('what a boot reads of it may stay', async () => {
  const { stored, digest, deps } = await setUp()
  equal(await evictLayer(digest, 300_000, deps), 300_000)
  deepEqual([...stored.present.ones()], [1, 4])
})

test('when nobody can tell what that is, or no part of a file can be freed, all of it goes', async () => {
  for (const fault of ['unknown', 'no holes']) {
    const { store, stored, digest, evicted, deps, part } = await setUp()
    if (fault === 'unknown') part.blocks = undefined
    else stored.keep = () => Promise.reject(Object.assign(new Error(fault), { code: 'SHOAL_STORE_NO_HOLES' }))
    equal(await evictLayer(digest, 300_000, deps), 0)
    equal(store.get(digest), undefined)
    equal(evicted.has(digest, AT), true)
  }
})

test('a part that could not be kept for another reason is a failure, after which the layer is there and assigned', async () => {
  const { store, stored, digest, evicted, deps } = await setUp()
  stored.keep = () => Promise.reject(Object.assign(new Error('disk'), { code: 'SHOAL_STORE_IO' }))
  await rejects(evictLayer(digest, 300_000, deps), { code: 'SHOAL_STORE_IO' })
  equal(store.get(digest)?.isComplete, true)
  equal(evicted.has(digest, AT), false)
})

test('what is held, or was opened since somebody looked, stays as it was and stays assigned', async () => {
  const { store, digest, evicted, left, users, holds, deps } = await setUp()
  const release = holds.hold([digest], 'disk')
  equal(await evictLayer(digest, 0, deps), undefined)
  release?.()
  users.push('qemu')
  equal(await evictLayer(digest, 300_000, deps), undefined)
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
