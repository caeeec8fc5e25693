import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Limits } from '@shoal/api'
import { ManualClock, NO_TRANSFER_LIMITS } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { EventJournal } from '../src/events/event-journal.ts'
import { FleetLimits } from '../src/fleet-limits.ts'
import { Assignments } from '../src/nodes/assignments.ts'

const MB = 1_000_000
const configured: Limits = {
  libraryBytesPerSecond: 50 * MB,
  seedUpBytesPerSecond: null,
  rackUplinkBytesPerSecond: null,
  node: { ...NO_TRANSFER_LIMITS, upBytesPerSecond: 100 * MB },
}

/** What the status has of the schedule when there is none. */
const unscheduled = { scheduled: null, nextChangeAt: null }

async function open(state: StateStore, limits = configured) {
  const clock = new ManualClock()
  const journal = new EventJournal({ state, clock }, { limit: 100 })
  const assignments = new Assignments({ state, clock })
  const fleet = new FleetLimits({ state, journal, assignments, clock, wallClock: clock }, limits)
  for (const part of [journal, assignments, fleet]) await part.open()
  const events = async () => (await journal.list({ limit: 100 })).map(({ type, message }) => ({ type, message }))
  return { fleet, events, revision: () => assignments.revision('n1'), assignments }
}

test('the configuration holds until something else is set, which holds at once and can be taken back', async () => {
  const { fleet, events } = await open(createMemoryState())
  assert.deepEqual(fleet.status(), { ...unscheduled, configured, set: {}, effective: configured })
  assert.equal(fleet.library.rateBytesPerSecond, 50 * MB)
  assert.equal(fleet.origin.rates.upBytesPerSecond, null)

  const change = fleet.change({
    libraryBytesPerSecond: null,
    seedUpBytesPerSecond: 5 * MB,
    node: { prefetchBytesPerSecond: MB },
  })
  assert.equal(fleet.library.rateBytesPerSecond, Number.POSITIVE_INFINITY)
  assert.equal(fleet.origin.rates.upBytesPerSecond, 5 * MB)
  assert.deepEqual(await change, {
    ...unscheduled,
    configured,
    set: { libraryBytesPerSecond: null, seedUpBytesPerSecond: 5 * MB, node: { prefetchBytesPerSecond: MB } },
    effective: {
      libraryBytesPerSecond: null,
      seedUpBytesPerSecond: 5 * MB,
      rackUplinkBytesPerSecond: null,
      node: { ...configured.node, prefetchBytesPerSecond: MB },
    },
  })
  await fleet.change({ libraryBytesPerSecond: 'configured', node: { prefetchBytesPerSecond: 'configured' } })
  const { set, effective } = fleet.status()
  assert.deepEqual(set, { seedUpBytesPerSecond: 5 * MB })
  assert.deepEqual(effective, { ...configured, seedUpBytesPerSecond: 5 * MB })
  assert.equal(fleet.library.rateBytesPerSecond, 50 * MB)
  assert.deepEqual(await events(), [
    {
      type: 'limits.changed',
      message:
        'Limits changed: libraryBytesPerSecond none, seedUpBytesPerSecond 5000000, node.prefetchBytesPerSecond 1000000.',
    },
    {
      type: 'limits.changed',
      message: 'Limits changed: libraryBytesPerSecond 50000000, node.prefetchBytesPerSecond none.',
    },
  ])
})

test('what was set survives a restart, and what was not follows the configuration', async () => {
  const state = createMemoryState()
  const before = await open(state)
  await before.fleet.change({ seedUpBytesPerSecond: 5 * MB, node: { upBytesPerSecond: null } })
  const after = await open(state, { ...configured, libraryBytesPerSecond: 70 * MB, seedUpBytesPerSecond: 9 * MB })
  assert.deepEqual(after.fleet.effective, {
    libraryBytesPerSecond: 70 * MB,
    seedUpBytesPerSecond: 5 * MB,
    rackUplinkBytesPerSecond: null,
    node: NO_TRANSFER_LIMITS,
  })
  assert.equal(after.fleet.library.rateBytesPerSecond, 70 * MB)
  assert.equal(after.fleet.origin.rates.upBytesPerSecond, 5 * MB)
  assert.equal(after.revision(), before.revision())
})

test('nodes get a new revision when their limits change, be it in the configuration, and only then', async () => {
  const state = createMemoryState()
  const first = await open(state)
  const begin = first.revision()
  const told: number[] = []
  const controller = new AbortController()
  const watching = (async () => {
    for await (const revision of first.assignments.watch('n1', { signal: controller.signal })) told.push(revision)
  })()
  await first.fleet.change({ libraryBytesPerSecond: MB })
  await first.fleet.change({ node: { upBytesPerSecond: 100 * MB } })
  assert.equal(first.revision(), begin)
  await first.fleet.change({ node: { upBytesPerSecond: MB } })
  assert.equal(first.revision(), begin + 1)
  controller.abort()
  await watching
  assert.deepEqual(told, [begin, begin + 1])

  const second = await open(state)
  assert.equal(second.revision(), begin + 1)
  const third = await open(state, { ...configured, node: { ...configured.node, inRackBytesPerSecond: MB } })
  assert.equal(third.revision(), begin + 2)
})

test('setting what is set already tells nobody', async () => {
  const { fleet, events } = await open(createMemoryState())
  await fleet.change({ seedUpBytesPerSecond: MB, libraryBytesPerSecond: MB })
  await fleet.change({ libraryBytesPerSecond: MB, seedUpBytesPerSecond: MB, node: {} })
  await fleet.change({ node: { upBytesPerSecond: 'configured' } })
  assert.equal((await events()).length, 1)
})
