import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { UseHistory } from '@shoal/cache'
import { Bitfield, ManualClock } from '@shoal/core'
import { createMemoryLayerStore, type StoredLayer } from '@shoal/layer-store'
import { UseTracker } from '../../src/cache/use-tracker.ts'
import { layerFixture, signingKey } from '../layer-fixture.ts'

const { privateKey } = signingKey()

async function setUp({ bootBytes = 0, bootBlocks = [] as number[] } = {}) {
  const store = createMemoryLayerStore()
  await store.open()
  const history = new UseHistory()
  const bootPart = ({ present }: StoredLayer) => {
    const part = new Bitfield(present.length)
    for (const block of bootBlocks) part.set(block)
    return bootBlocks.length === 0 ? undefined : part
  }
  const deps = { history, store, bootBytes: () => bootBytes, bootPart, clock: new ManualClock(1e12) }
  const tracker = new UseTracker(deps)
  const one = layerFixture(privateKey, { sizeBytes: 1_000_000 })
  const { digest, sizeBytes, infoHash } = one.manifest
  const desired = (assignedAt: string) => {
    return { assignments: [{ layer: digest, priority: 1, sizeBytes, infoHash, peers: [], assignedAt }] }
  }
  return { store, history, tracker, one, digest, sizeBytes, desired }
}

test('a layer that is there is a hit, one that is not a miss, by request and by byte', async () => {
  const { store, history, tracker, one, digest, sizeBytes } = await setUp()
  tracker.used(digest, sizeBytes)
  await (await store.create(one)).writeBlocks(0, one.data)
  tracker.used(digest, sizeBytes)
  tracker.used(digest, sizeBytes)
  deepEqual(history.requests, { hits: 2, misses: 1 })
  deepEqual(history.bytes, { hits: 2 * sizeBytes, misses: sizeBytes })
})

test('what a boot reads of a layer may be there without the rest', async () => {
  const { store, history, tracker, one, digest, sizeBytes } = await setUp({ bootBytes: 200_000, bootBlocks: [1, 4] })
  const stored = await store.create(one)
  const { blockLengthBytes: length } = one.manifest
  for (const [at, block] of [1, 4].entries()) {
    await stored.writeBlocks(block, one.data.subarray(block * length, (block + 1) * length))
    tracker.used(digest, sizeBytes)
    deepEqual(history.requests, { hits: 0, misses: at + 1 })
  }
  deepEqual(history.bootBytes, { hits: 200_000, misses: 200_000 })
})

test('what a boot reads is a miss as long as nobody knows what that is', async () => {
  const { store, history, tracker, one, digest, sizeBytes } = await setUp({ bootBytes: 200_000 })
  await (await store.create(one)).writeBlocks(0, one.data.subarray(0, one.manifest.blockLengthBytes))
  tracker.used(digest, sizeBytes)
  deepEqual(history.bootBytes, { hits: 0, misses: 200_000 })
})

test('a new assignment is a use; those that a daemon finds when it begins are not new', async () => {
  const { tracker, history, desired } = await setUp()
  tracker.desired(desired('2026-11-22T00:00:00.000Z'))
  equal(history.requests.misses, 0)
  tracker.desired(desired('2026-11-22T00:00:00.000Z'))
  equal(history.requests.misses, 0)
  tracker.desired(desired('2026-11-22T00:05:00.000Z'))
  equal(history.requests.misses, 1)
})

test('uses are told to the seed until it acknowledges them, and those in between the next time', async () => {
  const { tracker, digest, sizeBytes } = await setUp()
  tracker.used(digest, sizeBytes)
  tracker.used(digest, sizeBytes)
  const first = tracker.next()
  deepEqual(first.uses, [{ layer: digest, uses: 2 }])
  tracker.used(digest, sizeBytes)
  deepEqual(tracker.next().uses, [{ layer: digest, uses: 3 }])
  first.acknowledge()
  const second = tracker.next()
  deepEqual(second.uses, [{ layer: digest, uses: 1 }])
  second.acknowledge()
  deepEqual(tracker.next().uses, [])
})
