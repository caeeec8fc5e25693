import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMemoryState, type StateStore } from '@shoal/state'
import { buildImage, buildRule, startRules } from './rules-fixture.ts'

describe('a time that the seed was down at', () => {
  for (const [back, expected] of [
    ['2026-01-08T01:59:59Z', 1],
    ['2026-01-08T02:00:00Z', 1],
    ['2026-01-09T01:00:00Z', 1],
  ] as const) {
    it(`is made up for once when the seed is back at ${back}`, async () => {
      const fixture = await startRules('2026-01-05T12:00:00Z')
      fixture.catalogue.putImage(buildImage('v1'))
      await fixture.rules.put('nightly', buildRule())
      fixture.clock.advance(Date.parse(back) - fixture.clock.now())
      const rules = await fixture.restart()
      await rules.round()
      await rules.round()
      assert.equal(fixture.plans.made.length, expected)
    })
  }

  it('is not made up for after a day', async () => {
    const fixture = await startRules('2026-01-05T12:00:00Z')
    fixture.catalogue.putImage(buildImage('v1'))
    await fixture.rules.put('weekly', buildRule({ cron: '0 2 * * WED' }))
    fixture.clock.advance(Date.parse('2026-01-08T02:00:00Z') - fixture.clock.now())
    const rules = await fixture.restart()
    await rules.round()
    assert.equal(fixture.plans.made.length, 0)
    assert.equal(rules.get('weekly').nextAt, '2026-01-14T02:00:00.000Z')
    await fixture.at('2026-01-14T02:00:00Z')
    assert.equal(fixture.plans.made.length, 1)
  })

  it('counts for images that were published before it, no others', async () => {
    const fixture = await startRules('2026-01-05T12:00:00Z')
    await fixture.rules.put('fresh', buildRule({ on: 'new-image' }))
    fixture.clock.advance(Date.parse('2026-01-06T01:00:00Z') - fixture.clock.now())
    await fixture.publish('v1', {}, { isTold: false })
    fixture.clock.advance(Date.parse('2026-01-06T03:00:00Z') - fixture.clock.now())
    await fixture.publish('v2', {}, { isTold: false })
    const rules = await fixture.restart()
    await rules.round()
    assert.deepEqual(fixture.plans.images(), [['v1']])
    assert.deepEqual(rules.get('fresh').waiting, ['v2'])
    await fixture.at('2026-01-07T02:00:00Z')
    assert.deepEqual(fixture.plans.images(), [['v1'], ['v2']])
  })
})

describe('a restart', () => {
  it('forgets nothing of a rule', async () => {
    const fixture = await startRules('2026-01-05T12:00:00Z')
    await fixture.rules.put('fresh', buildRule({ on: 'new-image' }))
    await fixture.at('2026-01-05T13:00:00Z')
    await fixture.publish('v1')
    await fixture.at('2026-01-06T02:00:00Z')
    await fixture.at('2026-01-06T03:00:00Z')
    await fixture.publish('v2')
    const before = fixture.rules.list()
    assert.equal(before[0]?.plans, 1)
    assert.deepEqual((await fixture.restart()).list(), before)
    await fixture.rules.noteImage('v1')
    assert.deepEqual(fixture.rules.get('fresh').waiting, ['v2'])
  })

  it('finds an image whose publication was not told before the crash', async () => {
    const fixture = await startRules('2026-01-05T12:00:00Z')
    await fixture.rules.put('at-once', buildRule({ on: 'new-image', cron: null }))
    fixture.clock.advance(1000)
    await fixture.publish('v1', {}, { isTold: false })
    const rules = await fixture.restart()
    await rules.round()
    assert.deepEqual(fixture.plans.images(), [['v1']])
    fixture.plans.endAll()
    await (await fixture.restart()).round()
    assert.equal(fixture.plans.made.length, 1)
  })

  it('does not start a plan again that still runs', async () => {
    const fixture = await startRules('2026-01-05T12:00:00Z')
    fixture.catalogue.putImage(buildImage('v1'))
    await fixture.rules.put('nightly', buildRule())
    await fixture.at('2026-01-06T02:00:00Z')
    await fixture.restart()
    await fixture.at('2026-01-07T02:00:00Z')
    assert.equal(fixture.plans.made.length, 1)
  })
})

describe('a crash', () => {
  it('between a plan and its record makes no second plan, although the images are others by then', async () => {
    for (const rule of [buildRule({ deadlineSeconds: 60 }), buildRule({ on: 'new-image' })]) {
      const fixture = await startRules('2026-01-05T12:00:00Z')
      const { plans, clock } = fixture
      await fixture.rules.put('nightly', rule)
      clock.advance(1000)
      await fixture.publish('v1')
      clock.advance(Date.parse('2026-01-06T02:00:00Z') - clock.now())
      const isMade = new Promise<void>((made) => {
        plans.onMade = () => {
          made()
          return new Promise(() => {})
        }
      })
      void fixture.rules.round()
      await isMade
      clock.advance(60_000)
      await fixture.publish('v2', {}, { isTold: false })
      const rules = await fixture.restart()
      await rules.round()
      await rules.round()
      assert.deepEqual(plans.images(), [['v1']])
      const { lastPlan, lastAt, plans: count } = rules.get('nightly')
      assert.deepEqual([lastPlan, lastAt, count], ['plan-1', '2026-01-06T02:00:00.000Z', 1])
      assert.deepEqual(rules.get('nightly').waiting, rule.on === 'new-image' ? ['v2'] : [])
    }
  })

  it('before the plan is made costs none', async () => {
    const fixture = await startRules('2026-01-05T12:00:00Z')
    fixture.catalogue.putImage(buildImage('v1'))
    await fixture.rules.put('nightly', buildRule())
    const create = fixture.plans.create.bind(fixture.plans)
    const isAsked = new Promise<void>((asked) => {
      fixture.plans.create = () => {
        asked()
        return new Promise(() => {})
      }
    })
    fixture.clock.advance(Date.parse('2026-01-06T02:00:00Z') - fixture.clock.now())
    void fixture.rules.round()
    await isAsked
    fixture.plans.create = create
    await (await fixture.restart()).round()
    assert.deepEqual(fixture.plans.images(), [['v1']])
    assert.equal(fixture.rules.get('nightly').plans, 1)
  })

  it('after the plan is recorded makes no second plan', async () => {
    const fixture = await startRules('2026-01-05T12:00:00Z')
    fixture.catalogue.putImage(buildImage('v1'))
    await fixture.rules.put('nightly', buildRule())
    await fixture.at('2026-01-06T02:00:00Z')
    fixture.plans.endAll()
    await (await fixture.restart()).round()
    assert.equal(fixture.plans.made.length, 1)
  })
})

it('a plan that could not be recorded is made once all the same', async () => {
  const memory = createMemoryState()
  let isFull = false
  const batch: StateStore['batch'] = async (operations, options) => {
    if (isFull) throw new Error('full')
    return memory.batch(operations, options)
  }
  const state = new Proxy(memory, {
    get: (store, name: keyof StateStore) => (name === 'batch' ? batch : store[name].bind(store)),
  })
  const fixture = await startRules('2026-01-05T12:00:00Z', { state })
  fixture.catalogue.putImage(buildImage('v1'))
  await fixture.rules.put('nightly', buildRule())
  fixture.plans.onMade = async () => {
    isFull = true
  }
  await fixture.at('2026-01-06T02:00:00Z')
  assert.equal(fixture.rules.get('nightly').plans, 1)
  isFull = false
  await (await fixture.restart()).round()
  assert.equal(fixture.plans.made.length, 1)
  assert.equal(fixture.rules.get('nightly').plans, 1)
})
