import { deepEqual, equal } from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { DesiredState } from '@shoal/api'
import type { Digest } from '@shoal/core'
import { DEFAULT_LAYER_TERMS } from '@shoal/swarm'
import { layerFixture } from './layer-fixture.ts'
import { assignedAt, desired, fail, layer, privateKey, setUp } from './reconciler-fixture.ts'

test('an assigned layer is described, created, joined, and told where others and the origin are', async () => {
  await using it = await setUp()
  const one = layer()
  it.published.set(one.manifest.digest, one)
  it.reconciler.setOrigin('seed:1')
  it.reconciler.setDesired(desired([one], [], ['a:1', 'b:2']))
  await once(it.swarm, 'join')
  deepEqual([...(it.swarm.joined.get(one.manifest.digest) ?? [])], ['a:1', 'b:2', 'seed:1'])
  equal(it.layers()[0]?.state, 'waiting')
})

test('what is stored is joined before anything is known of the seed', async () => {
  await using it = await setUp()
  const one = layer()
  await it.store.create(one)
  const joined = once(it.swarm, 'join')
  it.reconciler.setOrigin('seed:1')
  deepEqual(await joined, [one.manifest.digest])
})

test('a layer that fails is told once, tried again with back-off, and holds up no other', async () => {
  await using it = await setUp()
  const [bad, good] = [layer(), layer()]
  it.published.set(good.manifest.digest, good)
  const told = once(it.added, 'event')
  const joined = once(it.swarm, 'join')
  it.reconciler.setDesired(desired([bad, good]))
  await joined
  await told
  const failed = it.layers().find(({ digest }) => digest === bad.manifest.digest)
  equal(failed?.state, 'failed')
  equal(failed?.error?.code, 'SHOAL_LAYER_UNKNOWN')
  deepEqual(
    it.queue.next().events.map(({ type }) => type),
    ['layer.failed'],
  )

  const again = once(it.fetched, 'fetched')
  it.clock.advance(1000)
  await again
  equal(it.queue.length, 1)
  it.published.set(bad.manifest.digest, bad)
  const recovered = once(it.swarm, 'join')
  it.clock.advance(5000)
  await recovered
  equal(it.reconciler.failure(bad.manifest.digest), undefined)
})

test('a seed that does not answer fails no layer, and its return starts the next attempt', async () => {
  await using it = await setUp()
  const one = layer()
  it.published.set(one.manifest.digest, fail('SHOAL_API_UNREACHABLE'))
  it.reconciler.setDesired(desired([one]))
  await once(it.fetched, 'fetched')
  equal(it.layers()[0]?.state, 'waiting')
  equal(it.layers()[0]?.error?.code, 'SHOAL_API_UNREACHABLE')
  equal(it.queue.length, 0)
  it.published.set(one.manifest.digest, one)
  const joined = once(it.swarm, 'join')
  it.reconciler.seedIsBack()
  await joined
})

test('a full disk shows as failed with an event until more is present, and revoking does not wait for it', async () => {
  await using it = await setUp()
  const one = layer()
  const { digest } = one.manifest
  it.published.set(digest, one)
  it.reconciler.setDesired(desired([one]))
  await once(it.swarm, 'join')
  it.reconciler.onStoreError(digest, fail('SHOAL_STORE_NO_SPACE'))
  it.reconciler.onStoreError(digest, fail('SHOAL_STORE_NO_SPACE'))
  equal(it.layers()[0]?.state, 'failed')
  deepEqual(
    it.queue.next().events.map(({ type }) => type),
    ['store.no-space'],
  )
  await it.store.get(digest)?.writeBlocks(0, one.data.subarray(0, one.manifest.blockLengthBytes))
  equal(it.layers()[0]?.state, 'waiting')
  equal(it.layers()[0]?.error, null)

  it.reconciler.onStoreError(digest, fail('SHOAL_STORE_NO_SPACE'))
  equal(it.queue.length, 2)
  const left = once(it.swarm, 'leave')
  it.reconciler.setDesired(desired([], [digest]))
  await left
  await new Promise((resolve) => setImmediate(resolve))
  equal(it.store.get(digest), undefined)
  deepEqual(it.layers(), [])
  deepEqual(it.purged, [digest])
})

test('a withdrawn layer that is read is left at once and removed when the last reader has ended', async () => {
  await using it = await setUp()
  const one = layer()
  const { digest } = one.manifest
  await (await it.store.create(one)).writeBlocks(0, one.data)
  const joined = once(it.swarm, 'join')
  it.reconciler.setDesired(desired([]))
  await joined
  const [first, second] = [it.holds.hold([digest], 'reader'), it.holds.hold([digest], 'reader')]
  const left = once(it.swarm, 'leave')
  it.reconciler.setDesired(desired([], [digest]))
  await left
  first?.()
  first?.()
  it.reconciler.setDesired(desired([], [digest]))
  await new Promise((resolve) => setImmediate(resolve))
  equal(it.store.get(digest) === undefined, false)
  equal(it.reconciler.isRevoked(digest), true)

  // Nobody can take hold of it while it is being removed.
  const remove = it.store.remove.bind(it.store)
  const removing = Promise.withResolvers<void>()
  it.store.remove = async (removed) => {
    equal(it.holds.hold([digest], 'reader'), undefined)
    await remove(removed)
    removing.resolve()
  }
  second?.()
  await removing.promise
  equal(it.store.get(digest), undefined)
})

test('an unassigned layer keeps being served when it is complete and stops being fetched when it is not', async () => {
  await using it = await setUp()
  const [whole, part] = [layer(), layer()]
  await (await it.store.create(whole)).writeBlocks(0, whole.data)
  await it.store.create(part)
  it.reconciler.setDesired(desired([whole, part]))
  await once(it.swarm, 'join')
  const left = once(it.swarm, 'leave')
  it.reconciler.setDesired(desired([]))
  deepEqual(await left, [part.manifest.digest])
  equal(it.swarm.joined.has(whole.manifest.digest), true)
  equal(it.store.get(part.manifest.digest) === undefined, false)
})

test('what a machine needs is fetched without any word of the seed, above what is assigned, and left when nobody needs it', async () => {
  await using it = await setUp()
  const one = layer()
  const { digest } = one.manifest
  it.published.set(digest, one)
  const joined = once(it.swarm, 'join')
  it.reconciler.setNeeded(new Set([digest]))
  await joined
  equal(it.swarm.terms.get(digest)?.priority, 90)
  equal(it.steps > 0, true)
  // The seed may not have heard of it yet, or have it wait.
  it.reconciler.setDesired(desired([]))
  const paused = desired([one])
  const assignments = paused.assignments.map((one) => ({ ...one, priority: 10, limitBytesPerSecond: 0, bootBytes: 7 }))
  it.reconciler.setDesired({ ...paused, assignments })
  deepEqual(it.swarm.terms.get(digest), { ...DEFAULT_LAYER_TERMS, priority: 90, bootBytes: 7 })
  equal(it.swarm.joined.has(digest), true)
  it.reconciler.setNeeded(new Set())
  equal(it.swarm.terms.get(digest)?.limitBytesPerSecond, 0)
  const left = once(it.swarm, 'leave')
  it.reconciler.setDesired(desired([]))
  await left
})

test('the rest of a layer waits while machines boot from it, joined already or not', async () => {
  await using it = await setUp()
  const [one, other] = [layer(), layer()]
  for (const each of [one, other]) it.published.set(each.manifest.digest, each)
  const joined = once(it.swarm, 'join')
  it.reconciler.setResting(new Set([one.manifest.digest]))
  it.reconciler.setDesired(desired([one]))
  await joined
  const restWaits = (each: typeof one) => it.swarm.terms.get(each.manifest.digest)?.restWaits
  equal(restWaits(one), true)
  const joinedToo = once(it.swarm, 'join')
  it.reconciler.setDesired(desired([one, other]))
  await joinedToo
  equal(restWaits(other), false)
  it.reconciler.setResting(new Set([other.manifest.digest]))
  deepEqual([restWaits(one), restWaits(other)], [false, true])
})

test('what failed while nobody needed it is tried again at once', async () => {
  await using it = await setUp()
  const one = layer()
  const told = once(it.added, 'event')
  it.reconciler.setDesired(desired([one]))
  await told
  it.published.set(one.manifest.digest, one)
  const joined = once(it.swarm, 'join')
  it.reconciler.setNeeded(new Set([one.manifest.digest]))
  equal(it.reconciler.failure(one.manifest.digest), undefined)
  await joined
})

test('a layer that was withdrawn is not fetched, whoever needs it', async () => {
  await using it = await setUp()
  const [gone, one] = [layer(), layer()]
  for (const known of [gone, one]) it.published.set(known.manifest.digest, known)
  it.reconciler.setDesired(desired([], [gone.manifest.digest]))
  const joined = once(it.swarm, 'join')
  it.reconciler.setNeeded(new Set([gone.manifest.digest, one.manifest.digest]))
  deepEqual(await joined, [one.manifest.digest])
  equal(it.store.get(gone.manifest.digest), undefined)
})

test('a torrent that does not fit leaves nothing behind', async () => {
  await using it = await setUp()
  const one = layer()
  it.published.set(one.manifest.digest, one)
  it.swarm.joinError = fail('SHOAL_SWARM_TORRENT_INVALID')
  const told = once(it.added, 'event')
  it.reconciler.setDesired(desired([one]))
  await told
  equal(it.store.get(one.manifest.digest), undefined)
  equal(it.layers()[0]?.error?.code, 'SHOAL_SWARM_TORRENT_INVALID')
})

test('an evicted layer is not fetched again for the assignment that ended, and is for a new one', async () => {
  await using it = await setUp()
  const [one, other] = [layer(), layer()]
  for (const each of [one, other]) it.published.set(each.manifest.digest, each)
  const { digest } = one.manifest
  await it.evicted.add(digest, '2026-11-22T00:00:00.000Z')
  it.reconciler.setDesired(assignedAt(desired([one, other]), '2026-11-22T00:00:00.000Z'))
  await once(it.swarm, 'join')
  deepEqual([...it.swarm.joined.keys()], [other.manifest.digest])
  const shown = it.layers().find((each) => each.digest === digest)
  deepEqual([shown?.state, shown?.evictedAssignment], ['evicted', '2026-11-22T00:00:00.000Z'])

  const joined = once(it.swarm, 'join')
  it.reconciler.setDesired(assignedAt(desired([one, other]), '2026-11-22T00:10:00.000Z'))
  deepEqual(await joined, [digest])
  equal(it.layers().find((each) => each.digest === digest)?.state, 'waiting')
})

test('a withdrawn layer that a machine has open is left, and removed when that has ended', async () => {
  let users = ['qemu-system-x86 (pid 7)']
  await using it = await setUp({ usersOf: async () => users })
  const one = layer()
  const { digest } = one.manifest
  await (await it.store.create(one)).writeBlocks(0, one.data)
  const told = once(it.added, 'event')
  it.reconciler.setDesired(desired([], [digest]))
  await told
  equal(it.store.get(digest) === undefined, false)
  equal(it.layers()[0]?.error?.code, 'SHOAL_PEER_LAYER_IN_USE')
  users = []
  const purged = once(it.added, 'event')
  it.clock.advance(10_000)
  await purged
  equal(it.store.get(digest), undefined)
  equal(it.queue.next().events.at(-1)?.type, 'layer.purged')
})

test('a completed layer is told once with its bytes and seconds, also when a killed run could not', async () => {
  await using it = await setUp()
  const one = layer()
  const { digest } = one.manifest
  it.published.set(digest, one)
  it.reconciler.setDesired(desired([one]))
  await once(it.swarm, 'join')
  await it.store.get(digest)?.writeBlocks(0, one.data)
  it.clock.advance(3000)
  // The swarm of a killed run never said so: the next one finds it complete when it joins.
  it.swarm.joined.clear()
  const told = once(it.added, 'event')
  it.reconciler.setDesired(desired([one]))
  await told
  it.reconciler.onComplete(digest)
  await new Promise((resolve) => setImmediate(resolve))
  const { events } = it.queue.next()
  equal(events.length, 1)
  equal(events[0]?.type, 'layer.complete')
  deepEqual(events[0]?.details, { sizeBytes: 300_000, fromOriginBytes: 0, fromPeersBytes: 0, seconds: 3 })
})

test('a whole layer that nobody assigns and that loses blocks is fetched until it is whole again', async () => {
  await using it = await setUp()
  const one = layer()
  const { digest } = one.manifest
  const stored = await it.store.create(one)
  await stored.writeBlocks(0, one.data)
  it.reconciler.setDesired(desired([]))
  await once(it.swarm, 'join')
  stored.present.clear(0)
  const refreshed = once(it.swarm, 'refresh')
  await it.reconciler.repair(digest)
  await refreshed
  it.reconciler.setDesired(desired([]))
  await new Promise((resolve) => setImmediate(resolve))
  equal(it.swarm.joined.has(digest), true)
  await stored.writeBlocks(0, one.data.subarray(0, one.manifest.blockLengthBytes))
  const told = once(it.added, 'event')
  it.reconciler.onComplete(digest)
  await told
  equal(it.queue.next().events[0]?.type, 'layer.complete')
})

test('a clock that is set back does not put off the next attempt', async () => {
  await using it = await setUp()
  const one = layer()
  const told = once(it.added, 'event')
  it.reconciler.setDesired(desired([one]))
  await told
  it.published.set(one.manifest.digest, one)
  it.clock.set(it.clock.now() - 86_400_000)
  it.clock.advance(1000)
  const joined = once(it.swarm, 'join')
  it.reconciler.setDesired(desired([one]))
  await joined
})

test('what failed is forgotten when it is neither wanted nor stored any more', async () => {
  await using it = await setUp()
  const one = layer()
  const told = once(it.added, 'event')
  it.reconciler.setDesired(desired([one]))
  await told
  it.reconciler.setDesired(desired([]))
  equal(it.reconciler.failure(one.manifest.digest), undefined)
})

test('the terms of an assignment reach the swarm when it is joined, and with every change', async () => {
  await using node = await setUp()
  const { reconciler, swarm, published } = node
  const fixture = layer()
  const { digest } = fixture.manifest
  published.set(digest, fixture)
  const state = desired([fixture])
  const withTerms = (terms: Partial<DesiredState['assignments'][number]>) => {
    return { ...state, assignments: state.assignments.map((assignment) => ({ ...assignment, ...terms })) }
  }
  const joined = once(swarm, 'join')
  const terms = { priority: 70, wave: 2, weight: 30, limitBytesPerSecond: 5_000_000, bootBytes: 1000 }
  reconciler.setDesired(withTerms(terms))
  await joined
  deepEqual(swarm.terms.get(digest), { ...terms, restWaits: false })
  reconciler.setDesired(withTerms({ ...terms, limitBytesPerSecond: 0 }))
  deepEqual(swarm.terms.get(digest), { ...terms, restWaits: false, limitBytesPerSecond: 0 })
  // A seed of an earlier version says none.
  reconciler.setDesired(state)
  deepEqual(swarm.terms.get(digest), { ...DEFAULT_LAYER_TERMS, priority: 100 })
})

test('layers are obtained by priority, then by wave; one that is paused is not begun until it goes on', async () => {
  await using node = await setUp()
  const { reconciler, swarm, published, fetched } = node
  const fixtures = Array.from({ length: 4 }, (_, index) => layerFixture(privateKey, { sizeBytes: 300_000 + index }))
  for (const fixture of fixtures) published.set(fixture.manifest.digest, fixture)
  const { assignments, ...rest } = desired(fixtures)
  const terms = [
    { priority: 10, wave: 0 },
    { priority: 50, wave: 1 },
    { priority: 50, wave: 0 },
    { priority: 90, limitBytesPerSecond: 0 },
  ]
  const order: Digest[] = []
  fetched.on('fetched', (digest) => order.push(digest))
  const joins: Digest[] = []
  const isJoined = new Promise<void>((resolve) => swarm.on('join', (digest) => joins.push(digest) === 3 && resolve()))
  reconciler.setDesired({ ...rest, assignments: assignments.map((one, index) => ({ ...one, ...terms[index] })) })
  await isJoined
  const [low, later, sooner, paused] = fixtures.map(({ manifest }) => manifest.digest)
  deepEqual(order, [sooner, later, low])
  const joined = once(swarm, 'join')
  reconciler.setDesired({ ...rest, assignments })
  deepEqual(await joined, [paused])
})

test('what something on the node keeps is reported as pinned', async () => {
  await using node = await setUp()
  const { reconciler, swarm, published, holds, layers } = node
  const fixture = layer()
  const { digest } = fixture.manifest
  published.set(digest, fixture)
  const joined = once(swarm, 'join')
  reconciler.setDesired(desired([fixture]))
  equal(layers()[0]?.isPinned, undefined)
  await joined
  equal(layers()[0]?.isPinned, false)
  holds.hold([digest], 'a disk')
  equal(layers()[0]?.isPinned, true)
})
