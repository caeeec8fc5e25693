import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PlanUpdate } from '@shoal/api'
import { errorCode } from '@shoal/core'
import { EXIT } from '../../src/exit-code.ts'
import { createPlan } from '../../src/prefetch/create-plan.ts'
import { followPlan } from '../../src/prefetch/follow-plan.ts'
import { buildDone, buildPlan, buildUpdate } from './build-plan.ts'
import { contextOf } from './context-of.ts'
import { startStandInPlans } from './stand-in-plans.ts'

const running = buildUpdate()
const done = buildUpdate({ state: 'done', progress: buildDone() })

function record() {
  const seen: (PlanUpdate | 'cut')[] = []
  return { seen, view: { update: (update: PlanUpdate) => seen.push(update), cut: () => seen.push('cut') } }
}

it('connects again when the stream is cut or the seed stops, and reads on to the end', async () => {
  await using seed = await startStandInPlans({ plans: [buildPlan()] })
  seed.state.connections = [{ updates: [running], staysOpen: true }, { updates: [running] }, { updates: [done] }]
  const { context, clock } = contextOf(seed.url)
  const { seen, view } = record()
  const update = (data: PlanUpdate) => {
    view.update(data)
    if (seen.length === 1) seed.state.cut()
  }
  const before = clock.now()
  assert.deepEqual(await followPlan(context, { plan: 'p-1a2b', view: { ...view, update } }), done)
  assert.deepEqual(seen, [running, 'cut', running, 'cut', done])
  assert.equal(clock.now() - before, 2000)
})

it('gives up when the seed has not been back for ten minutes', async () => {
  const { context, clock } = contextOf('http://127.0.0.1:9')
  const before = clock.now()
  await assert.rejects(followPlan(context, { plan: 'p-1a2b', view: record().view }), { code: 'SHOAL_API_UNREACHABLE' })
  assert.ok(clock.now() - before > 600_000 && clock.now() - before < 610_000)
})

it('does not ask again about a plan that is gone', async () => {
  await using seed = await startStandInPlans({ plans: [buildPlan()] })
  seed.state.connections = [{ updates: [running] }]
  const { context } = contextOf(seed.url, {
    onSleep: () => {
      seed.state.plans = []
    },
  })
  const { seen, view } = record()
  await assert.rejects(followPlan(context, { plan: 'p-1a2b', view }), { code: 'SHOAL_PLAN_UNKNOWN' })
  assert.deepEqual(seen, [running, 'cut'])
})

it('ends at once when it is interrupted', async () => {
  await using seed = await startStandInPlans({ plans: [buildPlan()] })
  seed.state.connections = [{ updates: [running], staysOpen: true }]
  const interruption = new AbortController()
  const reason = new Error('SIGINT received')
  const { context } = contextOf(seed.url, { signal: interruption.signal })
  const seen: unknown[] = []
  const view = { update: () => interruption.abort(reason), cut: () => seen.push('cut') }
  await assert.rejects(followPlan(context, { plan: 'p-1a2b', view }), (error) => error === reason)
  assert.deepEqual(seen, [])
})

it('a plan is watched by its name, to the exit code of its end', async () => {
  await using seed = await startStandInPlans({ plans: [buildPlan()] })
  const error = { code: 'SHOAL_PLAN_INCOMPLETE', message: '1 of 4 does not have it.', hint: 'Wait.', details: {} }
  seed.state.connections = [{ updates: [running, { ...done, state: 'partly-done', error }] }]
  const { code, stdout, stderr } = await seed.shoal(['prefetch', 'watch', 'nightly'])
  assert.equal(code, EXIT.incomplete)
  assert.match(stdout, /nightly \(p-1a2b\): partly-done, 4 of 4 ready, 4\.00 GiB of 4\.00 GiB\n$/)
  assert.match(stderr, /^error: 1 of 4 does not have it\.\nhint: Wait\.\ncode: SHOAL_PLAN_INCOMPLETE\n$/)
  seed.state.connections = [{ updates: [running, done] }]
  const json = await seed.shoal(['prefetch', 'watch', 'latest', '--json'])
  assert.equal(json.code, EXIT.ok)
  const lines = json.stdout.trimEnd().split('\n')
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [running, done],
  )
})

it('a plan whose answer was lost is asked for again with the same key, three times at most', async () => {
  await using seed = await startStandInPlans()
  const { created } = seed.state
  const ask = () => createPlan(contextOf(seed.url).context, { request: { images: [{ image: 'id-1' }] }, key: 'k1' })
  seed.state.onCreate = () => (created.length < 3 ? 'cut' : buildPlan())
  assert.equal((await ask()).id, 'p-1a2b')
  assert.deepEqual(
    created.splice(0).map(({ key }) => key),
    ['k1', 'k1', 'k1'],
  )
  seed.state.onCreate = () => 'cut'
  await assert.rejects(ask(), (error) => errorCode(error) === 'SHOAL_API_UNREACHABLE')
  assert.equal(created.length, 3)
})
