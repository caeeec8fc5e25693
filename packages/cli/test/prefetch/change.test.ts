import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EXIT } from '../../src/exit-code.ts'
import { buildDone, buildPlan, buildUpdate } from './build-plan.ts'
import { startStandInPlans } from './stand-in-plans.ts'

it('changes what is said of a plan, and nothing else', async () => {
  await using seed = await startStandInPlans({ plans: [buildPlan()] })
  const changed = async (...argv: string[]) => {
    const { code, stdout, stderr } = await seed.shoal(['prefetch', ...argv])
    assert.equal(code, EXIT.ok, stderr)
    assert.match(stdout, /^plan +p-1a2b "nightly"\nstate +running\n/)
    return seed.state.changes.splice(0)
  }
  const plan = 'p-1a2b'
  assert.deepEqual(await changed('set', 'nightly', '--priority', '20', '--weight', '5', '--name', 'late'), [
    { plan, change: { priority: 20, weight: 5, name: 'late' } },
  ])
  const limits = ['--limit', '50MB/s', '--node-limit', 'none']
  const times = ['--deadline', 'none', '--not-before', '2999-01-01T00:00Z']
  const pins = ['--pin-until', '2999-01-02T00:00Z', '--expires', '2999-01-03T00:00Z']
  assert.deepEqual(await changed('set', plan, ...limits, ...times, ...pins), [
    {
      plan,
      change: {
        limits: { bytesPerSecond: 50e6, nodeBytesPerSecond: null },
        deadline: null,
        notBefore: '2999-01-01T00:00:00.000Z',
        pinnedUntil: '2999-01-02T00:00:00.000Z',
        expiresAt: '2999-01-03T00:00:00.000Z',
      },
    },
  ])
  assert.deepEqual(await changed('pause', 'latest'), [{ plan, change: { paused: true } }])
  assert.deepEqual(await changed('resume', 'p-1'), [{ plan, change: { paused: false } }])
  const nothing = await seed.shoal(['prefetch', 'set', plan])
  assert.equal(nothing.code, EXIT.usage)
  assert.match(nothing.stderr, /Say what to change/)
  const unknown = await seed.shoal(['prefetch', 'pause', 'nothing'])
  assert.equal(unknown.code, EXIT.notFound)
  assert.deepEqual(seed.state.changes, [])
})

it('cancels a plan, with its layers when that is said', async () => {
  await using seed = await startStandInPlans({ plans: [buildPlan()] })
  const { code, stdout } = await seed.shoal(['prefetch', 'cancel', 'nightly'])
  assert.equal(code, EXIT.ok)
  assert.match(stdout, /\nstate +cancelled\n/)
  const json = await seed.shoal(['prefetch', 'cancel', 'latest', '--drop', '--json'])
  assert.equal(JSON.parse(json.stdout).state, 'cancelled')
  assert.deepEqual(seed.state.calls, ['cancel p-1a2b', 'cancel p-1a2b drop'])
})

it('tries again what is missing of a plan, and waits for it when that is said', async () => {
  await using seed = await startStandInPlans({ plans: [buildPlan()] })
  const { code, stdout } = await seed.shoal(['prefetch', 'retry', 'nightly'])
  assert.equal(code, EXIT.ok)
  assert.match(stdout, /^plan nightly \(p-1a2b\): running, 2\.00 GiB to 4 nodes/)
  seed.state.connections = [{ updates: [buildUpdate({ state: 'expired', progress: buildDone() })] }]
  assert.equal((await seed.shoal(['prefetch', 'retry', 'nightly', '--wait'])).code, EXIT.incomplete)
  assert.deepEqual(seed.state.calls, ['retry p-1a2b', 'retry p-1a2b'])
})
