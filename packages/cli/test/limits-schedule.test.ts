import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { DAYS, type Day, type LimitsWindow } from '@shoal/api'
import fc from 'fast-check'
import { EXIT } from '../src/exit-code.ts'
import { formatDays, parseDays } from '../src/limits/days.ts'
import { changedWindows } from '../src/limits/window-change.ts'
import { runCli } from './run-cli.ts'
import { startStandInSeed, TOKEN } from './stand-in-seed.ts'

const MB = 1_000_000
const night: LimitsWindow = {
  ...{ name: 'night', from: '22:00', to: '06:00', timeZone: 'Europe/Berlin' },
  limits: { libraryBytesPerSecond: 1000 * MB, node: { upBytesPerSecond: null } },
}
const weekend: LimitsWindow = {
  ...{ name: 'weekend', days: ['sat', 'sun'], from: '00:00', to: '00:00', timeZone: 'UTC', limits: {} },
}

/** A stand-in with a schedule, and its command. */
async function scheduled(t: TestContext, ...windows: LimitsWindow[]) {
  const seed = await startStandInSeed({ schedule: { windows, active: null, nextChangeAt: null } })
  t.after(() => seed[Symbol.asyncDispose]())
  const access = ['--seed', seed.url, '--token', TOKEN]
  return { seed, run: (...args: string[]) => runCli(['limits', 'schedule', ...args, ...access]), access }
}

it('the schedule is shown in its order, with what holds and until when', async (t) => {
  const { seed, run, access } = await scheduled(t)
  assert.match((await run()).stdout, /There is no schedule/)
  seed.state.schedule = { windows: [weekend, night], active: 'night', nextChangeAt: '2999-01-01T05:00:00.000Z' }
  const { stdout } = await run()
  assert.match(stdout, /^WINDOW +NOW +DAYS +FROM +TO +TIME ZONE +LIMITS\n/)
  assert.match(stdout, /\nweekend +- +sat,sun +00:00 +00:00 +UTC +as configured\n/)
  assert.match(stdout, /\nnight +holds +all +22:00 +06:00 +Europe\/Berlin +library 1 GB\/s, node-up none\n/)
  assert.match(stdout, /\nWindow night of the schedule holds now, until 2999-01-01T05:00:00.000Z \(in .* d .* h\)\.\n$/)
  assert.deepEqual(JSON.parse((await run('--json')).stdout), seed.state.schedule)

  seed.state.limits = {
    ...seed.state.limits,
    scheduled: { window: 'night', limits: night.limits },
    nextChangeAt: '2999-01-01T05:00:00.000Z',
  }
  const limits = await runCli(['limits', 'show', ...access])
  assert.match(limits.stdout, /\nlibrary +none +- +1 GB\/s +none/)
  assert.match(limits.stdout, /\n\nWindow night of the schedule holds now, until 2999/)
  seed.state.limits = { ...seed.state.limits, scheduled: null }
  assert.match((await runCli(['limits', 'show', ...access])).stdout, /\n\nNo window of the schedule holds now, until/)
})

it('a window is added, changed, put first and removed, and the others stay as they are', async (t) => {
  const { seed, run } = await scheduled(t, weekend)
  const windows = () => seed.state.schedule.windows
  const times = ['--from', '22:00', '--to', '6:00', '--time-zone', 'Europe/Berlin']
  assert.equal((await run('night', ...times, '--library', '1GB/s', '--node-up', 'none')).code, EXIT.ok)
  assert.deepEqual(windows(), [weekend, night])
  await run('night', '--days', 'MON-fri', '--library', 'configured')
  const { days: _, ...changed } = { ...night, limits: { node: { upBytesPerSecond: null } } }
  assert.deepEqual(windows(), [weekend, { ...changed, days: ['mon', 'tue', 'wed', 'thu', 'fri'] }])
  await run('night', '--first', '--to', '24:00', '--node-up', 'configured', '--days', 'all')
  assert.deepEqual(windows(), [{ ...night, days: [...DAYS], to: '00:00', limits: {} }, weekend])
  const removed = await run('night', '--remove', '--json')
  assert.deepEqual(JSON.parse(removed.stdout).windows, [weekend])
  assert.match((await run('--clear')).stdout, /There is no schedule/)
  assert.deepEqual(windows(), [])
})

it('what could not be meant is refused with every fault, and changes nothing', async (t) => {
  const { seed, run } = await scheduled(t, night)
  for (const [args, reason] of [
    [['day', '--library', '1GB/s'], /day is a new window: say when it begins/],
    [['day', '--remove'], /has no window day/],
    [['night'], /Say what to change/],
    [['--from', '22:00'], /Name the window/],
    [['--remove'], /Name the window/],
    [['night', '--clear'], /name none with it/],
    [['night', '--remove', '--to', '5:00'], /one at a time/],
    [
      ['night', '--from', '25:00', '--to', '6', '--days', 'weekdays', '--library', '5'],
      /--library.*--days.*--from.*--to/,
    ],
    [['night', '--to', '24:30'], /no time of the day/],
    [['night', '--to', '6:00', '--to', '7:00'], /only once/],
  ] as const) {
    const { code, stderr } = await run(...args)
    assert.equal(code, EXIT.usage, args.join(' '))
    assert.match(stderr, reason)
  }
  assert.deepEqual(seed.state.schedule.windows, [night])
})

it('days are read as people write them, and what is written can be given again', () => {
  for (const [text, expected] of [
    ['mon', ['mon']],
    ['mon-fri', ['mon', 'tue', 'wed', 'thu', 'fri']],
    ['Sun, sat', ['sat', 'sun']],
    ['fri-mon', ['mon', 'fri', 'sat', 'sun']],
    ['tue,sat-sun', ['tue', 'sat', 'sun']],
    ['ALL', [...DAYS]],
  ] as const) {
    assert.deepEqual(parseDays(text), { days: expected }, text)
  }
  for (const text of ['', 'monday', 'mon-', '-fri', 'mon-wed-fri', 'mon,', 'mon fri', '1-5']) {
    assert.ok('reason' in parseDays(text), text)
  }
  fc.assert(
    fc.property(fc.subarray<Day>([...DAYS], { minLength: 1 }), (days) => {
      assert.deepEqual(parseDays(formatDays(days)), { days })
    }),
  )
  assert.equal(formatDays(), 'all')
})

it('a new window goes by UTC on every day, and an old one keeps what is not said', () => {
  const change = { from: '08:00', to: '18:00', limits: { seedUpBytesPerSecond: MB }, isFirst: false }
  assert.deepEqual(changedWindows([], 'day', change), {
    windows: [{ name: 'day', from: '08:00', to: '18:00', timeZone: 'UTC', limits: { seedUpBytesPerSecond: MB } }],
  })
  assert.deepEqual(changedWindows([weekend], 'weekend', { to: '12:00', limits: {}, isFirst: false }), {
    windows: [{ ...weekend, to: '12:00' }],
  })
})
