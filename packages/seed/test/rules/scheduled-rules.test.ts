import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildImage, buildRule, planFault, startRules } from './rules-fixture.ts'

/** Rules that were started on a Monday at noon, with one golden image. */
async function start(rule = buildRule()) {
  const fixture = await startRules('2026-01-05T12:00:00Z')
  fixture.catalogue.putImage(buildImage('v1', { createdAt: '2026-01-01T00:00:00Z', name: 'debian' }))
  await fixture.rules.put('nightly', rule)
  return fixture
}

describe('a rule with a schedule', () => {
  it('makes a plan at each time of cron, with its terms', async () => {
    const limits = { bytesPerSecond: 1_000_000 }
    const terms = { priority: 70, weight: 3, limits, deadlineSeconds: 7200, pinnedSeconds: 86_400 }
    const { rules, plans, at } = await start(buildRule(terms))
    await at('2026-01-06T01:59:59Z')
    assert.equal(plans.made.length, 0)
    assert.equal(rules.get('nightly').nextAt, '2026-01-06T02:00:00.000Z')
    await at('2026-01-06T02:00:00Z')
    const [plan] = plans.made
    assert.equal(plan?.source, 'rule:nightly')
    assert.deepEqual(plan.request, {
      ...{ name: 'nightly: debian', images: [{ image: 'v1', aggregate: 'A' }], priority: 70, weight: 3, limits },
      ...{ deadline: '2026-01-06T04:00:00.000Z', pinnedUntil: '2026-01-07T02:00:00.000Z' },
    })
    const { nextAt, lastAt, lastPlan, lastError, plans: count } = rules.get('nightly')
    assert.deepEqual(
      [nextAt, lastAt, lastPlan, lastError, count],
      ['2026-01-07T02:00:00.000Z', '2026-01-06T02:00:00.000Z', plan.id, null, 1],
    )
    await at('2026-01-06T02:01:00Z')
    assert.equal(plans.made.length, 1)
    plans.endAll()
    await at('2026-01-07T02:00:30Z')
    assert.equal(plans.made.length, 2)
    assert.notEqual(plans.made[1]?.key, plan.key)
  })

  it('means the images as they are then: the newest one, or all of them in one plan', async () => {
    const { rules, plans, at, catalogue } = await start()
    await rules.put('all', buildRule({ images: { tag: 'golden', newestOnly: false } }))
    catalogue.putImage(buildImage('v2', { createdAt: '2026-01-04T00:00:00Z', finishedAt: null }))
    catalogue.putImage(buildImage('v0', { createdAt: '2025-01-04T00:00:00Z' }))
    catalogue.putImage(buildImage('v3', { createdAt: '2026-01-05T00:00:00Z', status: 'deactivated' }))
    catalogue.putImage(buildImage('other', { createdAt: '2026-01-05T00:00:00Z', tags: ['silver'] }))
    await at('2026-01-06T02:00:00Z')
    assert.deepEqual(plans.images(), [['v2', 'v1', 'v0'], ['v2']])
    assert.deepEqual(
      plans.made.map(({ request }) => request.name),
      ['all: v2 and 2 more', 'nightly: v2'],
    )
  })

  it('keeps the name of its plans short, whatever images are called', async () => {
    const { plans, at, catalogue } = await start(buildRule({ images: { tag: 'golden', newestOnly: false } }))
    catalogue.putImage(buildImage('v2', { createdAt: '2026-01-04T00:00:00Z', name: '\u{1F427}'.repeat(200) }))
    await at('2026-01-06T02:00:00Z')
    const name = plans.made[0]?.request.name ?? ''
    assert.ok(name.length <= 100 && name.endsWith(' and 1 more') && name.isWellFormed(), name)
  })

  it('does not act while its plan for the same images runs, nor when it is not enabled', async () => {
    const { rules, plans, at, catalogue, clock, failures } = await start()
    await at('2026-01-06T02:00:00Z')
    plans.states.set('plan-1', 'partly-done')
    await at('2026-01-07T02:00:00Z')
    assert.equal(plans.made.length, 1)
    assert.deepEqual([rules.get('nightly').lastAt, rules.get('nightly').lastError], ['2026-01-06T02:00:00.000Z', null])
    catalogue.putImage(buildImage('v2', { createdAt: '2026-01-07T00:00:00Z' }))
    await at('2026-01-08T02:00:00Z')
    assert.deepEqual(plans.images(), [['v1'], ['v2']])
    plans.endAll()
    await rules.put('nightly', buildRule({ enabled: false }))
    await at('2026-01-09T02:00:00Z')
    assert.equal(plans.made.length, 2)
    assert.equal(rules.get('nightly').nextAt, null)
    clock.advance(3600_000)
    await rules.put('nightly', buildRule())
    await rules.round()
    assert.equal(plans.made.length, 2, 'a time of when it was not enabled is not made up for')
    assert.deepEqual(await failures(), [])
  })

  it('leaves out of a plan what another plan of it works on', async () => {
    const { plans, at, catalogue } = await start(buildRule({ images: { tag: 'golden', newestOnly: false } }))
    await at('2026-01-06T02:00:00Z')
    catalogue.putImage(buildImage('v2'))
    await at('2026-01-07T02:00:00Z')
    await at('2026-01-08T02:00:00Z')
    assert.deepEqual(plans.images(), [['v1'], ['v2']])
    plans.states.set('plan-1', 'expired')
    await at('2026-01-09T02:00:00Z')
    assert.deepEqual(plans.images(), [['v1'], ['v2'], ['v1']])
  })

  it('tells once that there is no image, and goes on when there is', async () => {
    const { rules, plans, at, catalogue, failures } = await start(buildRule({ images: { tag: 'silver' } }))
    await at('2026-01-06T02:00:00Z')
    await at('2026-01-07T02:00:00Z')
    assert.equal((await failures()).length, 1)
    assert.match(rules.get('nightly').lastError ?? '', /no image/)
    assert.equal(rules.get('nightly').lastAt, '2026-01-07T02:00:00.000Z')
    catalogue.putImage(buildImage('v2', { tags: ['silver'] }))
    await at('2026-01-08T02:00:00Z')
    assert.deepEqual(plans.images(), [['v2']])
    assert.equal(rules.get('nightly').lastError, null)
  })

  it('waits for its next time when a plan is refused, and tells why', async () => {
    const { rules, plans, at, events } = await start()
    plans.fault = planFault('SHOAL_PLAN_UNMET')
    await at('2026-01-06T02:00:00Z')
    assert.match(rules.get('nightly').lastError ?? '', /SHOAL_PLAN_UNMET/)
    const failed = (await events()).find(({ type }) => type === 'rule.failed')
    assert.deepEqual(failed?.details, { rule: 'nightly', code: 'SHOAL_PLAN_UNMET' })
    plans.fault = undefined
    await at('2026-01-06T02:30:00Z')
    assert.equal(plans.made.length, 0)
    await at('2026-01-07T02:00:00Z')
    assert.equal(plans.made.length, 1)
  })

  it('tries the same plan again when it was not the request that was at fault, for a day', async () => {
    const { rules, plans, at } = await start()
    plans.fault = planFault('SHOAL_STATE_NO_SPACE')
    await at('2026-01-06T02:00:00Z')
    plans.fault = undefined
    await at('2026-01-06T02:03:00Z')
    assert.equal(plans.made.length, 1)
    assert.deepEqual([rules.get('nightly').lastError, rules.get('nightly').plans], [null, 1])
    plans.endAll()
    plans.fault = planFault('SHOAL_PLAN_LIMIT')
    await at('2026-01-07T02:00:00Z')
    await at('2026-01-08T02:00:00Z')
    plans.fault = undefined
    await at('2026-01-08T02:01:00Z')
    assert.equal(plans.made.length, 2)
    assert.match(plans.made[1]?.key ?? '', /2026-01-08T02:0/)
  })

  it('leaves the others in peace when it fails', async () => {
    const { rules, plans, at } = await start()
    const create = plans.create.bind(plans)
    plans.create = async (request, options) => {
      if (options.source === 'rule:broken') throw new TypeError('no plan')
      return create(request, options)
    }
    await rules.put('broken', buildRule())
    await at('2026-01-06T02:00:00Z')
    assert.equal(rules.get('broken').lastError, 'no plan')
    assert.equal(rules.get('nightly').plans, 1)
  })
})
