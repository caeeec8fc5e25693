import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PrefetchRuleRequest } from '@shoal/api'
import { buildImage, buildRule, startRules } from './rules-fixture.ts'

const START = '2026-01-05T12:00:00Z'

describe('a rule is refused', () => {
  const refused: readonly (readonly [string, Partial<PrefetchRuleRequest>, string])[] = [
    ['with a cron expression that is none', { cron: 'at night' }, 'SHOAL_RULE_CRON'],
    ['that would act more than once a minute', { cron: '*/20 * * * * *' }, 'SHOAL_RULE_CRON'],
    ['with a schedule without cron', { cron: null }, 'SHOAL_RULE_CRON'],
    ['in an unknown time zone', { timeZone: 'Mars/Olympus' }, 'SHOAL_RULE_TIME_ZONE'],
    ['in an unknown time zone without cron', { on: 'new-image', cron: null, timeZone: 'x' }, 'SHOAL_RULE_TIME_ZONE'],
    ['without a condition', { images: {} }, 'SHOAL_RULE_IMAGES'],
    ['without a condition but for the newest', { images: { newestOnly: true } }, 'SHOAL_RULE_IMAGES'],
    ['with an empty condition', { images: { tag: '', name: 'debian' } }, 'SHOAL_RULE_IMAGES'],
    ['with a property without name', { images: { property: '=linux' } }, 'SHOAL_RULE_IMAGES'],
    ['with a target that no plan could have', { target: {} }, 'SHOAL_PLAN_TARGETS'],
  ]
  for (const [what, change, code] of refused) {
    it(what, async () => {
      const { rules } = await startRules(START)
      await assert.rejects(rules.put('nightly', buildRule(change)), { code })
      assert.deepEqual(rules.list(), [])
      await rules.put('nightly', buildRule())
      const before = rules.list()
      await assert.rejects(rules.put('nightly', buildRule(change)), { code })
      assert.deepEqual(rules.list(), before)
    })
  }

  it('when there are a thousand, which can still be replaced', async () => {
    const { rules } = await startRules(START)
    for (let rule = 0; rule < 1000; rule += 1) await rules.put(`rule-${rule}`, buildRule())
    await assert.rejects(rules.put('one-more', buildRule()), { code: 'SHOAL_RULE_LIMIT' })
    await rules.put('rule-7', buildRule({ priority: 1 }))
    await rules.remove('rule-8')
    await rules.put('one-more', buildRule())
    assert.equal(rules.list().length, 1000)
  })
})

describe('a change of a rule', () => {
  it('is told; what changes nothing is not', async () => {
    const { rules, events } = await startRules(START)
    await rules.put('nightly', buildRule())
    await rules.put('nightly', buildRule())
    await rules.put('nightly', buildRule({ priority: 1 }))
    await rules.remove('nightly')
    assert.deepEqual(
      (await events()).map(({ type, details }) => [type, details.rule, details.change]),
      ['made', 'changed', 'removed'].map((change) => ['rule.changed', 'nightly', change]),
    )
    for (const wrong of [
      () => rules.remove('nightly'),
      () => rules.runNow('nightly'),
      async () => rules.get('nightly'),
    ]) {
      await assert.rejects(wrong, { code: 'SHOAL_RULE_UNKNOWN' })
    }
  })

  it('keeps what it has done, and survives a restart as does its removal', async () => {
    const { rules, at, catalogue, restart } = await startRules(START)
    catalogue.putImage(buildImage('v1'))
    await rules.put('nightly', buildRule())
    await rules.put('other', buildRule())
    await at('2026-01-06T02:00:00Z')
    await rules.put('nightly', buildRule({ cron: '0 3 * * *' }))
    await rules.remove('other')
    const shown = (await restart()).list()
    assert.deepEqual(
      shown.map(({ name, lastPlan, plans, nextAt }) => [name, lastPlan, plans, nextAt]),
      [['nightly', 'plan-1', 1, '2026-01-06T03:00:00.000Z']],
    )
  })

  it('of its times does not make up for new ones that are over', async () => {
    const { rules, at, plans, catalogue } = await startRules(START)
    catalogue.putImage(buildImage('v1'))
    await rules.put('nightly', buildRule())
    await rules.put('nightly', buildRule({ cron: '0 9 * * *' }))
    await rules.round()
    assert.equal(plans.made.length, 0)
    await at('2026-01-06T08:59:00Z')
    assert.equal(plans.made.length, 0)
  })

  it('of its target starts a plan although one runs; a change of its times does not', async () => {
    const { rules, at, plans, catalogue } = await startRules(START)
    catalogue.putImage(buildImage('v1'))
    await rules.put('nightly', buildRule())
    await at('2026-01-06T02:00:00Z')
    await rules.put('nightly', buildRule({ cron: '0 3 * * *' }))
    await at('2026-01-06T03:00:00Z')
    assert.equal(plans.made.length, 1)
    await rules.put('nightly', buildRule({ target: { aggregate: 'B' } }))
    await at('2026-01-07T02:00:00Z')
    assert.deepEqual(plans.made[1]?.request.images, [{ image: 'v1', aggregate: 'B' }])
  })

  it('of its images lets those wait on that it still means, and others count from then on', async () => {
    const { rules, at, publish } = await startRules(START)
    const rule = (tag: string) => buildRule({ on: 'new-image', images: { tag } })
    await rules.put('fresh', rule('golden'))
    await at('2026-01-05T13:00:00Z')
    await publish('gold')
    await publish('both', { tags: ['golden', 'silver'] })
    await publish('silver', { tags: ['silver'] })
    await at('2026-01-05T13:01:00Z')
    await rules.put('fresh', rule('silver'))
    await rules.noteImage('silver')
    assert.deepEqual(rules.get('fresh').waiting, ['both'])
    await at('2026-01-05T13:02:00Z')
    await publish('new', { tags: ['silver'] })
    assert.deepEqual(rules.get('fresh').waiting, ['both', 'new'])
    await rules.put('fresh', { ...rule('silver'), on: 'schedule' })
    assert.deepEqual(rules.get('fresh').waiting, [])
  })

  it('while its plan is being made: a removed rule leaves no trace, and one made anew starts afresh', async () => {
    const { rules, at, plans, catalogue, state } = await startRules(START)
    catalogue.putImage(buildImage('v1'))
    await rules.put('nightly', buildRule())
    plans.onMade = async () => rules.remove('nightly')
    await at('2026-01-06T02:00:00Z')
    assert.deepEqual([plans.made.length, rules.list(), await state.get('seed/rule/nightly')], [1, [], undefined])
    await rules.put('nightly', buildRule())
    plans.onMade = async () => {
      await rules.remove('nightly')
      await rules.put('nightly', buildRule())
    }
    await at('2026-01-07T02:00:00Z')
    assert.deepEqual([rules.get('nightly').plans, rules.get('nightly').lastPlan], [0, null])
  })
})

describe('a rule that is let act now', () => {
  it('makes a plan whatever its times, and leaves those as they are', async () => {
    const { rules, at, plans, catalogue } = await startRules(START)
    catalogue.putImage(buildImage('v1'))
    await rules.put('nightly', buildRule({ enabled: false }))
    assert.equal(await rules.runNow('nightly'), 'plan-1')
    assert.equal(rules.get('nightly').lastAt, '2026-01-05T12:00:00.000Z')
    await rules.put('nightly', buildRule())
    plans.endAll()
    await at('2026-01-06T02:00:00Z')
    assert.equal(plans.made.length, 2)
  })

  it('gives the plan that runs when there is one, also when it is asked twice at once', async () => {
    const { rules, plans, catalogue } = await startRules(START)
    catalogue.putImage(buildImage('v1'))
    await rules.put('nightly', buildRule())
    const create = plans.create.bind(plans)
    let isBusy = false
    plans.create = async (request, options) => {
      assert.ok(!isBusy, 'one after the other')
      isBusy = true
      await new Promise((resolve) => setImmediate(resolve))
      isBusy = false
      return create(request, options)
    }
    const asked = await Promise.all([rules.runNow('nightly'), rules.runNow('nightly'), rules.runNow('nightly')])
    assert.deepEqual(asked, ['plan-1', 'plan-1', 'plan-1'])
    plans.endAll()
    assert.equal(await rules.runNow('nightly'), 'plan-2')
    assert.notEqual(plans.made[0]?.key, plans.made[1]?.key)
  })

  it('takes the images that wait, and without any the published ones that it means', async () => {
    const { rules, at, plans, publish, catalogue } = await startRules(START)
    catalogue.putImage(buildImage('old', { createdAt: '2025-01-01T00:00:00Z' }))
    catalogue.putImage(buildImage('unread', { createdAt: '2026-01-05T00:00:00Z', finishedAt: null }))
    await rules.put('fresh', buildRule({ on: 'new-image' }))
    await rules.runNow('fresh')
    await at('2026-01-05T13:00:00Z')
    await publish('v1')
    await rules.runNow('fresh')
    assert.deepEqual(plans.images(), [['old'], ['v1']])
    assert.deepEqual(rules.get('fresh').waiting, [])
    await at('2026-01-06T02:00:00Z')
    assert.equal(plans.made.length, 2)
  })

  it('says when there is no image, and why there is no plan', async () => {
    const { rules, plans, catalogue } = await startRules(START)
    await rules.put('nightly', buildRule())
    await assert.rejects(rules.runNow('nightly'), { code: 'SHOAL_RULE_NO_IMAGE' })
    catalogue.putImage(buildImage('v1'))
    plans.fault = Object.assign(new Error('no nodes'), { code: 'SHOAL_PLAN_UNMET' })
    await assert.rejects(rules.runNow('nightly'), { code: 'SHOAL_PLAN_UNMET' })
    assert.equal(rules.get('nightly').lastError, 'no nodes')
  })
})
