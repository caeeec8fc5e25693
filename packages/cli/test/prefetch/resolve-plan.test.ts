import assert from 'node:assert/strict'
import { it } from 'node:test'
import { errorCode } from '@shoal/core'
import { resolvePlanId } from '../../src/prefetch/resolve-plan.ts'
import { buildPlan } from './build-plan.ts'
import { contextOf } from './context-of.ts'
import { startStandInPlans } from './stand-in-plans.ts'

it('a plan is found by id, by name, by the beginning of its id, or as the latest', async () => {
  const plans = [
    buildPlan({ id: 'download-1', name: 'web (downloads)', kind: 'download' }),
    buildPlan({ id: 'p-3c', name: 'web' }),
    buildPlan({ id: 'p-2b', name: 'twin' }),
    buildPlan({ id: 'p-2c', name: 'twin' }),
    buildPlan({ id: 'q-1', name: 'p-3c' }),
    buildPlan({ id: 'q-12', name: 'p-2' }),
    buildPlan({ id: 'r-1', name: 'For the Friday boot' }),
  ]
  await using seed = await startStandInPlans({ plans })
  const { context } = contextOf(seed.url)
  const { client, signal } = context
  const find = async (text: string) => {
    try {
      return await resolvePlanId(client, text, { signal })
    } catch (error) {
      return errorCode(error)
    }
  }
  for (const [text, expected] of [
    ['latest', 'p-3c'],
    ['p-3c', 'p-3c'],
    ['web (downloads)', 'download-1'],
    ['down', 'download-1'],
    ['q-1', 'q-1'],
    ['web', 'p-3c'],
    ['For the Friday boot', 'r-1'],
    ['p-2', 'q-12'],
    ['p-3', 'p-3c'],
    ['r', 'r-1'],
    ['twin', 'SHOAL_CLI_PLAN_AMBIGUOUS'],
    ['q', 'SHOAL_CLI_PLAN_AMBIGUOUS'],
    ['nothing', 'SHOAL_CLI_PLAN_UNKNOWN'],
    ['The Friday boot', 'SHOAL_CLI_PLAN_UNKNOWN'],
  ]) {
    assert.equal(await find(text ?? ''), expected, text)
  }
  seed.state.plans = []
  assert.equal(await find('latest'), 'SHOAL_CLI_PLAN_UNKNOWN')
})
