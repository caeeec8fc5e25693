import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Limits, LimitsWindow } from '@shoal/api'
import { type Clock, ManualClock, NO_TRANSFER_LIMITS, ShoalError } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { EventJournal } from '../../src/events/event-journal.ts'
import { FleetLimits } from '../../src/fleet-limits.ts'
import { Assignments } from '../../src/nodes/assignments.ts'

const MB = 1_000_000
const HOUR_MS = 3_600_000
const configured: Limits = {
  libraryBytesPerSecond: 50 * MB,
  seedUpBytesPerSecond: null,
  rackUplinkBytesPerSecond: null,
  node: NO_TRANSFER_LIMITS,
}
const NOON = Date.parse('2026-06-10T12:00Z')
const night: LimitsWindow = {
  ...{ name: 'night', from: '20:00', to: '04:00', timeZone: 'UTC' },
  limits: { libraryBytesPerSecond: 200 * MB, node: { prefetchBytesPerSecond: MB } },
}

/** A clock of one sleeper, which moves on only when that has gone to sleep again, and which can be set. */
class WallClock extends ManualClock {
  #watchers: (() => void)[] = []
  #aheadMs = 0
  #wakesAt = Number.POSITIVE_INFINITY

  override now(): number {
    return super.now() + this.#aheadMs
  }

  override sleep(delayMs: number, options?: Parameters<Clock['sleep']>[1]): Promise<void> {
    this.#wakesAt = super.now() + delayMs
    for (const wake of this.#watchers.splice(0)) wake()
    return super.sleep(delayMs, options)
  }

  /** Resolves when somebody goes to sleep after this call. */
  nextSleep(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve))
  }

  /** Shows another time, which wakes nobody. */
  setBy(ms: number): void {
    this.#aheadMs += ms
  }

  async pass(ms: number): Promise<void> {
    const end = super.now() + ms
    while (this.#wakesAt <= end) {
      const asleep = this.nextSleep()
      this.advance(this.#wakesAt - super.now())
      await asleep
    }
    this.advance(end - super.now())
  }
}

async function open(state: StateStore, { limits = configured, now = NOON } = {}) {
  const clock = new WallClock(now)
  const journal = new EventJournal({ state, clock }, { limit: 100 })
  const assignments = new Assignments({ state, clock })
  const fleet = new FleetLimits({ state, journal, assignments, clock, wallClock: clock }, limits)
  for (const part of [journal, assignments, fleet]) await part.open()
  const messages = async () => (await journal.list({ limit: 100 })).map(({ message }) => message)
  return { fleet, clock, messages, revision: () => assignments.revision('n1') }
}

/** Follows the schedule until the test ends; resolves when it waits for the first time. */
async function follow(
  t: Parameters<typeof undoAfter>[0],
  { fleet, clock }: { fleet: FleetLimits; clock: WallClock },
  onError: (error: unknown) => void = assert.ifError,
): Promise<void> {
  const undo = undoAfter(t)
  const controller = new AbortController()
  const asleep = clock.nextSleep()
  const following = fleet.run({ signal: controller.signal, onError })
  undo.after(async () => {
    controller.abort()
    await following
  })
  await asleep
}

describe('the schedule of the limits of the fleet', () => {
  test('a window holds from its beginning to its end, at once and everywhere, without a restart', async (t) => {
    const opened = await open(createMemoryState())
    const { fleet, clock, messages, revision } = opened
    await follow(t, opened)
    const begin = revision()
    const asleep = clock.nextSleep()
    assert.deepEqual(await fleet.setSchedule({ windows: [night] }), {
      windows: [night],
      active: null,
      nextChangeAt: '2026-06-10T20:00:00.000Z',
    })
    await asleep
    assert.equal(revision(), begin)

    await clock.pass(8 * HOUR_MS - 1)
    assert.equal(fleet.library.rateBytesPerSecond, 50 * MB)
    await clock.pass(1)
    assert.equal(fleet.library.rateBytesPerSecond, 200 * MB)
    assert.equal(fleet.effective.node.prefetchBytesPerSecond, MB)
    assert.equal(revision(), begin + 1)
    const { scheduled, nextChangeAt } = fleet.status()
    assert.deepEqual(scheduled, { window: 'night', limits: night.limits })
    assert.equal(nextChangeAt, '2026-06-11T04:00:00.000Z')
    assert.equal(fleet.schedule().active, 'night')

    await clock.pass(8 * HOUR_MS)
    assert.equal(fleet.status().scheduled, null)
    assert.deepEqual(fleet.effective, configured)
    assert.equal(fleet.library.rateBytesPerSecond, 50 * MB)
    assert.equal(revision(), begin + 2)
    assert.deepEqual(await messages(), [
      'Schedule of limits set: night.',
      'Window night of the schedule holds; limits changed: libraryBytesPerSecond 200000000, node.prefetchBytesPerSecond 1000000.',
      'Window night of the schedule is over; limits changed: libraryBytesPerSecond 50000000, node.prefetchBytesPerSecond none.',
    ])
  })

  test('what an operator sets goes before the schedule, and that before the configuration', async () => {
    const { fleet } = await open(createMemoryState())
    await fleet.change({ libraryBytesPerSecond: 10 * MB, node: { prefetchBytesPerSecond: null } })
    const always = { ...night, to: '20:00', limits: { ...night.limits, seedUpBytesPerSecond: 7 * MB } }
    await fleet.setSchedule({ windows: [always] })
    assert.deepEqual(fleet.effective, {
      libraryBytesPerSecond: 10 * MB,
      seedUpBytesPerSecond: 7 * MB,
      rackUplinkBytesPerSecond: null,
      node: NO_TRANSFER_LIMITS,
    })
    assert.equal(fleet.origin.rates.upBytesPerSecond, 7 * MB)
    await fleet.change({ libraryBytesPerSecond: 'configured', node: { prefetchBytesPerSecond: 'configured' } })
    assert.equal(fleet.library.rateBytesPerSecond, 200 * MB)
    assert.equal(fleet.effective.node.prefetchBytesPerSecond, MB)
    await fleet.setSchedule({ windows: [] })
    assert.deepEqual(fleet.status(), {
      configured,
      scheduled: null,
      set: {},
      effective: configured,
      nextChangeAt: null,
    })
  })

  test('it survives a restart, and a window that began meanwhile holds before anything is transferred', async () => {
    const state = createMemoryState()
    const before = await open(state)
    await before.fleet.setSchedule({ windows: [night] })
    const during = await open(state, { now: NOON + 9 * HOUR_MS })
    assert.equal(during.fleet.library.rateBytesPerSecond, 200 * MB)
    assert.equal(during.revision(), before.revision() + 1)
    const again = await open(state, { now: NOON + 10 * HOUR_MS })
    assert.equal(again.revision(), during.revision())
    assert.equal(again.fleet.library.rateBytesPerSecond, 200 * MB)
    const after = await open(state, { now: NOON + 20 * HOUR_MS })
    assert.deepEqual(after.fleet.effective, configured)
    assert.equal(after.revision(), during.revision() + 1)
    assert.deepEqual(
      (await after.messages()).map((message) => message.replace(/; .*/, '')),
      ['Schedule of limits set: night.', 'Window night of the schedule holds', 'Window night of the schedule is over'],
    )
  })

  test('what an earlier version kept is read', async () => {
    const state = createMemoryState()
    const { crossRackDownBytesPerSecond: _, ...told } = NO_TRANSFER_LIMITS
    await state.put('seed/limits', { set: { seedUpBytesPerSecond: MB }, told })
    const { fleet } = await open(state)
    assert.equal(fleet.effective.seedUpBytesPerSecond, MB)
    assert.deepEqual(fleet.schedule(), { windows: [], active: null, nextChangeAt: null })
  })

  test('another schedule holds at once, and the same one tells nobody', async (t) => {
    const opened = await open(createMemoryState())
    const { fleet, clock, messages } = opened
    await fleet.setSchedule({ windows: [night] })
    await follow(t, opened)
    const asleep = clock.nextSleep()
    const soon = { ...night, name: 'soon', from: '12:00', to: '12:01', limits: { libraryBytesPerSecond: MB } }
    const setting = fleet.setSchedule({ windows: [soon, night] })
    assert.equal(fleet.library.rateBytesPerSecond, MB)
    await setting
    // Whoever waited for the evening waits for the next minute now.
    await asleep
    await clock.pass(60_000)
    assert.equal(fleet.library.rateBytesPerSecond, 50 * MB)
    const told = (await messages()).length
    await fleet.setSchedule({ windows: [{ ...soon }, { ...night }] })
    assert.equal((await messages()).length, told)
  })

  test('a clock that is set, forward or back, is followed within half a minute', async (t) => {
    const opened = await open(createMemoryState())
    const { fleet, clock } = opened
    await fleet.setSchedule({ windows: [night] })
    await follow(t, opened)
    clock.setBy(9 * HOUR_MS)
    await clock.pass(30_000)
    assert.equal(fleet.schedule().active, 'night')
    clock.setBy(-9 * HOUR_MS)
    await clock.pass(30_000)
    assert.equal(fleet.schedule().active, null)
    assert.equal(fleet.schedule().nextChangeAt, '2026-06-10T20:00:00.000Z')
  })

  test('a window that could not be written holds, and nodes are told of it later', async (t) => {
    const state = createMemoryState()
    let isFull = false
    const batch = state.batch.bind(state)
    state.batch = (...args) =>
      isFull
        ? Promise.reject(new ShoalError('SHOAL_STATE_NO_SPACE', 'There is no space.', { hint: 'Make room.' }))
        : batch(...args)
    const opened = await open(state)
    const { fleet, clock, messages, revision } = opened
    await fleet.setSchedule({ windows: [night] })
    const errors: unknown[] = []
    await follow(t, opened, (error) => errors.push(error))
    const begin = revision()
    await clock.pass(8 * HOUR_MS - 1)
    isFull = true
    await clock.pass(1)
    assert.equal(fleet.library.rateBytesPerSecond, 200 * MB)
    assert.equal((errors[0] as ShoalError).code, 'SHOAL_STATE_NO_SPACE')
    isFull = false
    const told = revision()
    await clock.pass(30_000)
    assert.ok(revision() > Math.max(told, begin))
    assert.match((await messages()).at(-1) ?? '', /^Window night/)
    assert.equal(errors.length, 1)
    const settled = revision()
    await clock.pass(60_000)
    assert.equal(revision(), settled)
  })

  test('a schedule that cannot be meant changes nothing', async () => {
    const { fleet } = await open(createMemoryState())
    await fleet.setSchedule({ windows: [night] })
    const refused = [
      [[night, { ...night, from: '01:00' }], 'SHOAL_LIMITS_WINDOW_NAME'],
      [[{ ...night, timeZone: 'Europe/Atlantis' }], 'SHOAL_LIMITS_TIME_ZONE'],
    ] as const
    for (const [windows, code] of refused) {
      await assert.rejects(fleet.setSchedule({ windows: [...windows] }), { code })
    }
    assert.deepEqual(fleet.schedule().windows, [night])
  })
})
