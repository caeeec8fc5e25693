import { deepEqual, equal } from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { test } from 'node:test'
import type { DesiredState } from '@shoal/api'
import { errorFactory, ManualClock, silentLogger } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { DesiredStateFollower } from '../src/desired-state.ts'
import { PeerRecords } from '../src/peer-records.ts'
import type { SeedApi } from '../src/seed-link.ts'
import { fakeSeed } from './fake-seed.ts'

const seedError = errorFactory({ SHOAL_API_STREAM_CUT: { message: 'm', hint: 'h' } })

function setUp(api: Partial<SeedApi>, state: StateStore = createMemoryState()) {
  const clock = new ManualClock()
  const seen = new EventEmitter()
  const follower = new DesiredStateFollower(
    {
      seed: fakeSeed(api),
      records: new PeerRecords({ state, logger: silentLogger }),
      clock,
      random: () => 0.5,
      logger: silentLogger,
      onDesired: (desired) => queueMicrotask(() => seen.emit('desired', desired)),
      onUnknown: () => {},
    },
    { node: 'n', intervalMs: 15_000 },
  )
  return { clock, seen, follower }
}

const stateOf = (revision: number): DesiredState => ({ revision, assignments: [], revoked: [] })

test('it is fetched at once, when the period is over, and when a revision is new, but not when it is known', async () => {
  let revision = 1
  const { clock, seen, follower } = setUp({ desiredState: async () => stateOf(revision) })
  const stop = new AbortController()
  const running = follower.run(stop).catch(() => {})
  deepEqual((await once(seen, 'desired'))[0], stateOf(1))
  await settled()
  follower.notice(1)
  revision = 2
  clock.advance(15_000)
  deepEqual((await once(seen, 'desired'))[0], stateOf(2))
  await settled()
  revision = 3
  follower.notice(3)
  deepEqual((await once(seen, 'desired'))[0], stateOf(3))
  stop.abort()
  await running
})

test('the last one is handed on after a restart, without the seed', async () => {
  const state = createMemoryState()
  const first = setUp({ desiredState: async () => stateOf(9) }, state)
  const stop = new AbortController()
  const running = first.follower.run(stop).catch(() => {})
  await once(first.seen, 'desired')
  await settled()
  stop.abort()
  await running
  const second = setUp({}, state)
  const handed = once(second.seen, 'desired')
  await second.follower.open()
  deepEqual((await handed)[0], stateOf(9))
})

test('a push channel that is cut is opened again, later each time', async () => {
  let opened = 0
  const { clock, follower } = setUp({
    watchDesired: () => {
      opened += 1
      return cutStream()
    },
  })
  const stop = new AbortController()
  const running = follower.watch(stop).catch(() => {})
  await settled()
  equal(opened, 1)
  clock.advance(375)
  await settled()
  equal(opened, 2)
  clock.advance(375)
  await settled()
  equal(opened, 2)
  clock.advance(375)
  await settled()
  equal(opened, 3)
  stop.abort()
  await running
})

// biome-ignore lint/correctness/useYield: the stream is cut before its first message.
async function* cutStream(): AsyncGenerator<never> {
  throw seedError('SHOAL_API_STREAM_CUT')
}

/** Lets everything that does not wait for the clock happen. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
