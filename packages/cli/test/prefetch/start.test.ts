import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EXIT } from '../../src/exit-code.ts'
import { buildDone, buildPlan, buildProgress, buildUpdate, later, summaryOf } from './build-plan.ts'
import { startStandInPlans } from './stand-in-plans.ts'

const plan = buildPlan()
const done = buildUpdate({ state: 'done', progress: buildDone() })
const missing = { image: 'id-1', message: 'No.', nodes: ['n9'], nodeCount: 1, earliestAt: null }

it('starts with a key of its own each time, or with the one that is given, and prints the id', async () => {
  await using seed = await startStandInPlans({ onCreate: () => buildPlan({ deadline: later(300) }) })
  const start = (...argv: string[]) => seed.shoal(['prefetch', 'start', 'web', '--all', ...argv])
  const { code, stdout } = await start()
  assert.equal(code, EXIT.ok)
  assert.match(
    stdout,
    /^plan nightly \(p-1a2b\): running, 2\.00 GiB to 4 nodes, ready now, 1 min 35 s before the deadline\n$/,
  )
  assert.equal(JSON.parse((await start('--json')).stdout).id, 'p-1a2b')
  await start('--idempotency-key', 'build-4711')
  const [first, second, third] = seed.state.created
  assert.equal(first?.request.dryRun, false)
  assert.match(first?.key ?? '', /^[0-9a-f-]{36}$/)
  assert.notEqual(first?.key, second?.key)
  assert.equal(third?.key, 'build-4711')
})

it('exits 6 when something cannot be met, although the rest is started', async () => {
  const unmet = [{ ...missing, reason: 'unknown-node' as const }]
  await using seed = await startStandInPlans({ onCreate: () => buildPlan({ unmet }) })
  const { code, stdout } = await seed.shoal(['prefetch', 'start', 'web', '--node', 'n1', '--node', 'n9'])
  assert.equal(code, EXIT.incomplete)
  assert.match(stdout, /^plan nightly.*\nCANNOT BE MET\n {2}id-1: unknown-node: No\.\n {4}on 1 node: n9\n$/)
})

it('exits as the plan ended when its key was sent before', async () => {
  await using seed = await startStandInPlans()
  const start = async () => (await seed.shoal(['prefetch', 'start', 'web', '--all', '--idempotency-key', 'k'])).code
  for (const [state, code] of [
    ['done', EXIT.ok],
    ['cancelled', EXIT.incomplete],
    ['partly-done', EXIT.incomplete],
  ] as const) {
    seed.state.onCreate = () => buildPlan({ state })
    assert.equal(await start(), code, state)
  }
})

it('exits 1 and says why when nothing can be met', async () => {
  const error = { code: 'SHOAL_PLAN_UNMET', message: 'Nothing can be met.', hint: 'Mend it.', details: {} }
  const nodes = { total: 0, waiting: 0, fetching: 0, ready: 0, failed: 0, excluded: 0 }
  const progress = buildProgress({ nodes, wantedBytes: 0, presentBytes: 0 })
  await using seed = await startStandInPlans({ onCreate: () => buildPlan({ state: 'failed', error, progress }) })
  const { code, stdout, stderr } = await seed.shoal(['prefetch', 'start', 'web', '--node', 'n9'])
  assert.equal(code, EXIT.failed)
  assert.match(stdout, /^plan nightly \(p-1a2b\): failed, 0 B to 0 nodes, no nodes yet\n$/)
  assert.match(stderr, /code: SHOAL_PLAN_UNMET\n$/)
})

for (const [state, expected] of [
  ['done', EXIT.ok],
  ['partly-done', EXIT.incomplete],
  ['cancelled', EXIT.incomplete],
  ['expired', EXIT.incomplete],
  ['failed', EXIT.failed],
] as const) {
  it(`waits until the plan is ${state}, and exits ${expected}`, async () => {
    await using seed = await startStandInPlans({ plans: [plan] })
    seed.state.connections = [{ updates: [buildUpdate(), { ...done, state }] }]
    const { code, stdout } = await seed.shoal(['prefetch', 'start', 'web', '--all', '--wait'])
    assert.equal(code, expected)
    const lines = stdout.trimEnd().split('\n')
    assert.match(lines[1] ?? '', /^nightly \(p-1a2b\): running, 50 %/)
    assert.match(lines[3] ?? '', new RegExp(`^nightly \\(p-1a2b\\): ${state}, 4 of 4 ready, 4.00 GiB of 4.00 GiB$`))
  })
}

it('prints plan and updates as JSON lines, and the error of a plan that failed', async () => {
  const error = { code: 'SHOAL_PLAN_IMAGE', message: 'Deactivated.', hint: 'Use another.', details: {} }
  await using seed = await startStandInPlans({ plans: [plan], onCreate: () => plan })
  seed.state.connections = [{ updates: [buildUpdate(), { ...done, state: 'failed', error }] }]
  const { code, stdout, stderr } = await seed.shoal(['prefetch', 'start', 'web', '--all', '--wait', '--json'])
  assert.equal(code, EXIT.failed)
  const [first, ...updates] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(first, plan)
  assert.deepEqual(updates, [buildUpdate(), { ...done, state: 'failed', error }])
  assert.deepEqual(JSON.parse(stderr), { error })
})

it('returns as soon as enough nodes are ready', async () => {
  const shares: (number | undefined)[] = []
  await using seed = await startStandInPlans({ plans: [plan] })
  seed.state.onWait = ({ readyShare }) => {
    shares.push(readyShare)
    return { reached: true }
  }
  const start = (...argv: string[]) => seed.shoal(['prefetch', 'start', 'web', '--all', '--wait-ready', ...argv])
  const { code, stdout } = await start('90%')
  assert.equal(code, EXIT.ok)
  assert.deepEqual(shares, [0.9])
  assert.match(stdout, /\nnightly \(p-1a2b\): 1 of 4 ready, 2 fetching, 1 waiting \(running\)\n$/)
  const json = (await start('0.5', '--json')).stdout.trimEnd().split('\n')
  assert.deepEqual(JSON.parse(json[1] ?? ''), { reached: true, isEnded: false, plan: summaryOf(plan) })
  seed.state.created.splice(0)
  assert.equal((await start('90')).code, EXIT.usage)
  assert.equal((await start('90%', '--wait')).code, EXIT.usage)
  assert.deepEqual(seed.state.created, [])
})
