import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PlanState } from '@shoal/api'
import { EXIT } from '../../src/exit-code.ts'
import { waitReady } from '../../src/prefetch/wait-ready.ts'
import { buildPlan, summaryOf } from './build-plan.ts'
import { contextOf } from './context-of.ts'
import { startStandInPlans } from './stand-in-plans.ts'

const plan = 'p-1a2b'
const inState = (state: PlanState) => ({ plan: summaryOf(buildPlan({ state })) })

it('asks in rounds until enough are ready', async () => {
  await using seed = await startStandInPlans({ plans: [buildPlan()] })
  const { context, clock } = contextOf(seed.url)
  const queries: unknown[] = []
  seed.state.onWait = (query) => {
    queries.push({ ...query })
    clock.advance(3000)
    return { reached: queries.length === 3 }
  }
  assert.equal((await waitReady(context, { plan, readyShare: 0.9 })).reached, true)
  assert.deepEqual(
    queries,
    Array.from({ length: 3 }, () => ({ readyShare: 0.9, timeoutSeconds: 5 })),
  )
})

it('waits no longer than it is told', async () => {
  await using seed = await startStandInPlans({ plans: [buildPlan()] })
  const { context, clock } = contextOf(seed.url)
  const before = clock.now()
  const asked: (number | undefined)[] = []
  seed.state.onWait = ({ timeoutSeconds = 0 }) => {
    asked.push(timeoutSeconds)
    clock.advance(timeoutSeconds * 1000)
    return {}
  }
  assert.equal((await waitReady(context, { plan, readyShare: 1, timeoutMs: 12_000 })).reached, false)
  assert.deepEqual(asked, [5, 5, 2])
  assert.equal(clock.now() - before, 12_000)
})

it('waits no longer when the seed says that it would be in vain', async () => {
  await using seed = await startStandInPlans({ plans: [buildPlan()] })
  const { context } = contextOf(seed.url)
  for (const state of ['partly-done', 'cancelled', 'expired', 'failed'] as const) {
    seed.state.onWait = () => ({ ...inState(state), isEnded: true })
    assert.equal((await waitReady(context, { plan, readyShare: 1 })).plan.state, state)
  }
})

it('does not ask without a pause when the seed answers at once', async () => {
  await using seed = await startStandInPlans({ plans: [buildPlan()] })
  const sleeps: number[] = []
  const { context } = contextOf(seed.url, { onSleep: (delayMs) => sleeps.push(delayMs) })
  seed.state.onWait = () => ({ reached: sleeps.length === 2 })
  await waitReady(context, { plan, readyShare: 1 })
  assert.deepEqual(sleeps, [500, 500])
})

it('asks again when the seed was away, until the time is over', async () => {
  const { context, clock } = contextOf('http://127.0.0.1:9')
  const before = clock.now()
  await assert.rejects(waitReady(context, { plan, readyShare: 1, timeoutMs: 3500 }), { code: 'SHOAL_API_UNREACHABLE' })
  assert.equal(clock.now() - before, 4000)
})

it('exits 0 when enough are ready, 6 when they are not, 1 when the plan failed', async () => {
  const error = { code: 'SHOAL_PLAN_IMAGE', message: 'Deactivated.', hint: 'Use another.', details: {} }
  await using seed = await startStandInPlans({ plans: [buildPlan()] })
  const wait = (...argv: string[]) => seed.shoal(['prefetch', 'wait', 'latest', ...argv])
  const shares: unknown[] = []
  seed.state.onWait = ({ readyShare }) => {
    shares.push(readyShare)
    return { reached: true }
  }
  const reached = await wait('--ready', '90%', '--timeout', '10m')
  assert.equal(reached.code, EXIT.ok)
  assert.match(reached.stdout, /\nnightly \(p-1a2b\): 1 of 4 ready, 2 fetching, 1 waiting \(running\)\n$/)
  assert.equal((await wait()).code, EXIT.ok)
  assert.deepEqual(shares, [0.9, 1])

  seed.state.onWait = () => ({ ...inState('cancelled'), isEnded: true })
  const cancelled = await wait()
  assert.equal(cancelled.code, EXIT.incomplete)
  assert.match(cancelled.stdout, /NOT ENOUGH READY: 1 of 4 ready.* \(cancelled\)\n$/)

  seed.state.onWait = () => ({ plan: summaryOf(buildPlan({ state: 'failed', error })), isEnded: true })
  const failed = await wait('--json')
  assert.equal(failed.code, EXIT.failed)
  assert.equal(JSON.parse(failed.stdout).plan.state, 'failed')
  assert.deepEqual(JSON.parse(failed.stderr), { error })

  for (const argv of [
    ['--ready', '90'],
    ['--timeout', 'soon'],
    ['--timeout', '0.5s'],
  ]) {
    assert.equal((await wait(...argv)).code, EXIT.usage, argv.join(' '))
  }
})
