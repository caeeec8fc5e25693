import { deepEqual, equal, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { Digest } from '@shoal/core'
import { desired, fail, layer, setUp } from './reconciler-fixture.ts'

test('a layer that there is no room for is not created, and is tried again as soon as there is some', async () => {
  let isFull = true
  await using it = await setUp({
    reserve: async () => {
      if (isFull) throw fail('SHOAL_CACHE_FULL')
    },
  })
  const one = layer()
  it.published.set(one.manifest.digest, one)
  const told = once(it.added, 'event')
  it.reconciler.setDesired(desired([one]))
  await told
  equal(it.store.layers().length, 0)
  equal(it.layers()[0]?.error?.code, 'SHOAL_CACHE_FULL')
  isFull = false
  const joined = once(it.swarm, 'join')
  it.reconciler.roomIsBack()
  await joined
  equal(it.layers()[0]?.state, 'waiting')
})

test('what a machine reads comes for it alone while there is no room, and is fetched as ever once there is some', async () => {
  let isFull = true
  await using it = await setUp({
    reserve: async () => {
      if (isFull) throw fail('SHOAL_CACHE_FULL')
    },
  })
  const one = layer()
  const { digest } = one.manifest
  it.published.set(digest, one)
  const told = [once(it.added, 'event'), once(it.swarm, 'join')]
  it.reconciler.setNeeded(new Set([digest]))
  await Promise.all(told)
  equal(it.swarm.terms.get(digest)?.limitBytesPerSecond, 0)
  const buffer = await it.store.buffers.acquireWhenFree()
  await rejects(async () => it.swarm.layers.get(digest)?.writeBlock(0, buffer), { code: 'SHOAL_CACHE_FULL' })
  buffer.release()
  equal(it.store.get(digest)?.presentBytes, 0)
  equal(it.reconciler.failure(digest)?.error.code, 'SHOAL_CACHE_FULL')
  isFull = false
  const joined = once(it.swarm, 'join')
  it.reconciler.roomIsBack()
  await joined
  equal(it.swarm.terms.get(digest)?.limitBytesPerSecond, null)
  equal(it.swarm.layers.get(digest), it.store.get(digest))
})

test('what no machine reads any more is left when there is no room for it', async () => {
  await using it = await setUp({
    reserve: async () => {
      throw fail('SHOAL_CACHE_FULL')
    },
  })
  const one = layer()
  it.published.set(one.manifest.digest, one)
  it.reconciler.setDesired(desired([one]))
  const joined = once(it.swarm, 'join')
  it.reconciler.setNeeded(new Set([one.manifest.digest]))
  await joined
  const left = once(it.swarm, 'leave')
  it.reconciler.setNeeded(new Set())
  it.reconciler.roomIsBack()
  await left
})

test('room is promised before a layer is created, and ends when it is complete', async () => {
  const reserved: Digest[] = []
  await using it = await setUp({
    reserve: async ({ digest }) => {
      // Again when it is joined, as for one that an earlier run began.
      if (reserved.length === 0) equal(it.store.get(digest), undefined)
      reserved.push(digest)
    },
  })
  const one = layer()
  const { digest } = one.manifest
  it.published.set(digest, one)
  it.reconciler.setDesired(desired([one]))
  await once(it.swarm, 'join')
  deepEqual([...new Set(reserved)], [digest])
  deepEqual(it.ended, [])
  await it.store.get(digest)?.writeBlocks(0, one.data)
  it.reconciler.onComplete(digest)
  deepEqual(it.ended, [digest])
})

test('what an earlier run began has room promised again before it goes on', async () => {
  const reserved: Digest[] = []
  await using it = await setUp({ reserve: async ({ digest }) => void reserved.push(digest) })
  const one = layer()
  await it.store.create(one)
  it.reconciler.setDesired(desired([one]))
  await once(it.swarm, 'join')
  deepEqual(reserved, [one.manifest.digest])
})
