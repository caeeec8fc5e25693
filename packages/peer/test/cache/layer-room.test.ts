import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import type { Reservation } from '@shoal/cache'
import type { Manifest } from '@shoal/core'
import { LayerRoom } from '../../src/cache/layer-room.ts'
import { layerFixture, signingKey } from '../layer-fixture.ts'

const { manifest: base } = layerFixture(signingKey().privateKey, { sizeBytes: 300_000 })
const middle: Manifest = { ...base, digest: `sha256:${'f'.repeat(64)}`, kind: 'middle', parent: base.digest }

/** A cache that promises what it is asked for, and counts. */
function fakeCache(refuse: () => boolean = () => false) {
  const open: { name: string; bytes: number }[] = []
  const reserve = async (name: string, bytes: number): Promise<Reservation> => {
    if (refuse()) throw new Error('full')
    const promise = { name, bytes }
    open.push(promise)
    return { ...promise, end: () => void open.splice(open.indexOf(promise), 1) }
  }
  return { open, reserve }
}

test('a layer is promised once, with room for all its files, until it is there', async () => {
  const cache = fakeCache()
  const room = new LayerRoom(cache)
  await room.reserve(base)
  await room.reserve(base)
  equal(cache.open.length, 1)
  equal((cache.open[0]?.bytes ?? 0) > base.sizeBytes, true)
  room.end(base.digest)
  room.end(base.digest)
  deepEqual(cache.open, [])
})

test('a base is needed while a middle on it waits for room and is fetched, and not when that was refused', async () => {
  let isFull = true
  let wasNeeded = false
  const cache = fakeCache(() => {
    wasNeeded = room.isNeeded(base.digest)
    return isFull
  })
  const room = new LayerRoom(cache)
  await rejects(room.reserve(middle))
  equal(wasNeeded, true)
  equal(room.isNeeded(base.digest), false)
  isFull = false
  await room.reserve(middle)
  equal(room.isNeeded(base.digest), true)
  room.end(middle.digest)
  equal(room.isNeeded(base.digest), false)
})
