import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import { EvictedLayers } from '../../src/cache/evicted-layers.ts'

const [one, other] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`] as const
const [earlier, later] = ['2026-11-22T00:00:00.000Z', '2026-11-22T00:01:00.000Z']

test('an assignment that ended stays so after a restart, and a later one is another', async () => {
  const deps = { state: createMemoryState(), logger: silentLogger }
  await new EvictedLayers(deps).add(one, earlier)
  const reopened = new EvictedLayers(deps)
  await reopened.open(() => false)
  equal(reopened.has(one, earlier), true)
  equal(reopened.has(one, later), false)
  equal(reopened.has(other, earlier), false)
})

test('what is there after all was not evicted: the daemon was killed before', async () => {
  const deps = { state: createMemoryState(), logger: silentLogger }
  await new EvictedLayers(deps).add(one, earlier)
  await new EvictedLayers(deps).open((digest) => digest === one)
  const reopened = new EvictedLayers(deps)
  await reopened.open(() => false)
  equal(reopened.has(one, earlier), false)
})

test('assignments that are not in force any more are forgotten, for good', async () => {
  const deps = { state: createMemoryState(), logger: silentLogger }
  const evicted = new EvictedLayers(deps)
  await evicted.add(one, earlier)
  await evicted.add(other, earlier)
  await evicted.prune(
    new Map([
      [one, later],
      [other, earlier],
    ]),
  )
  const reopened = new EvictedLayers(deps)
  await reopened.open(() => false)
  equal(reopened.has(one, earlier), false)
  equal(reopened.has(other, earlier), true)
})
