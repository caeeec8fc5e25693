import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildImage, buildRule, planFault, startRules } from './rules-fixture.ts'

/** Rules that were started on a Monday at noon. */
async function start(change: Parameters<typeof buildRule>[0] = {}) {
  const fixture = await startRules('2026-01-05T12:00:00Z')
  await fixture.rules.put('fresh', buildRule({ on: 'new-image', ...change }))
  return fixture
}

describe('a rule on new images', () => {
  it('lets them wait for the next time of cron, and does nothing at others', async () => {
    const { rules, plans, at, publish } = await start()
    await at('2026-01-06T02:00:00Z')
    await at('2026-01-06T10:00:00Z')
    await publish('v1')
    await rules.round()
    assert.deepEqual(rules.get('fresh').waiting, ['v1'])
    assert.equal(plans.made.length, 0)
    await at('2026-01-07T02:00:00Z')
    assert.deepEqual(plans.images(), [['v1']])
    assert.deepEqual(rules.get('fresh').waiting, [])
    plans.endAll()
    await at('2026-01-08T02:00:00Z')
    await at('2026-01-09T02:00:00Z')
    assert.equal(plans.made.length, 1)
    assert.equal(rules.get('fresh').lastError, null)
  })

  it('acts at once without cron', async () => {
    const { rules, plans, at, publish } = await start({ cron: null })
    await at('2026-01-05T12:30:00Z')
    await publish('v1')
    await rules.round()
    assert.deepEqual(plans.images(), [['v1']])
    assert.equal(plans.made[0]?.request.name, 'fresh: v1')
    assert.equal(rules.get('fresh').nextAt, null)
    plans.endAll()
    await at('2026-01-07T12:30:00Z')
    await publish('v2')
    await rules.round()
    assert.deepEqual(plans.images(), [['v1'], ['v2']])
  })

  it('takes an image once, however often it is told of it', async () => {
    const { rules, plans, at, publish } = await start({ cron: null })
    await at('2026-01-05T12:30:00Z')
    await publish('v1')
    await rules.noteImage('v1')
    await rules.round()
    plans.endAll()
    await rules.noteImage('v1')
    await publish('v1')
    await rules.round()
    assert.equal(plans.made.length, 1)
  })

  it('takes no image that it does not mean, that is not published, or was before the rule was made', async () => {
    const { rules, catalogue, at, publish } = await start({ cron: null })
    await at('2026-01-05T12:30:00Z')
    await publish('silver', { tags: ['silver'] })
    await publish('reading', { finishedAt: null })
    await publish('withdrawn', { status: 'deactivated' })
    await publish('old', { finishedAt: '2026-01-05T11:59:59.000Z' })
    await rules.noteImage('unknown')
    assert.deepEqual(rules.get('fresh').waiting, [])
    catalogue.putImage(buildImage('reading', { finishedAt: '2026-01-05T12:31:00.000Z' }))
    await rules.noteImage('reading')
    assert.deepEqual(rules.get('fresh').waiting, ['reading'])
  })

  it('takes the newest of those that wait, unless it wants all', async () => {
    const { rules, plans, at, publish } = await start()
    await rules.put('fresh-all', buildRule({ on: 'new-image', images: { tag: 'golden', newestOnly: false } }))
    await at('2026-01-05T13:00:00Z')
    await publish('v1', { createdAt: '2026-01-03T00:00:00Z' })
    await publish('v3', { createdAt: '2026-01-05T00:00:00Z' })
    await publish('v2', { createdAt: '2026-01-04T00:00:00Z' })
    await at('2026-01-06T02:00:00Z')
    assert.deepEqual(plans.images(), [['v3'], ['v3', 'v2', 'v1']])
    assert.deepEqual([rules.get('fresh').waiting, rules.get('fresh-all').waiting], [[], []])
  })

  it('passes over an old image that is imported late', async () => {
    const { rules, plans, catalogue, at, publish } = await start()
    catalogue.putImage(buildImage('v2', { createdAt: '2026-01-04T00:00:00Z' }))
    await at('2026-01-05T13:00:00Z')
    await publish('v1', { createdAt: '2026-01-03T00:00:00Z' })
    await at('2026-01-06T02:00:00Z')
    assert.deepEqual([plans.made.length, rules.get('fresh').waiting], [0, []])
  })

  it('takes an image that got its tag after it was published', async () => {
    const { plans, at, publish, catalogue } = await start()
    await at('2026-01-05T13:00:00Z')
    await publish('v1', { tags: [] })
    await at('2026-01-06T02:00:00Z')
    assert.equal(plans.made.length, 0)
    catalogue.putImage(buildImage('v1', { finishedAt: '2026-01-05T13:00:00.000Z' }))
    await at('2026-01-07T02:00:00Z')
    assert.deepEqual(plans.images(), [['v1']])
  })

  it('forgets an image that is deleted while it waits, and waits for one that is deactivated', async () => {
    const { rules, plans, at, publish, catalogue } = await start()
    await at('2026-01-05T13:00:00Z')
    await publish('gone', { createdAt: '2026-01-05T12:00:00Z' })
    await publish('back', { createdAt: '2026-01-05T11:00:00Z' })
    const finishedAt = '2026-01-05T13:00:00.000Z'
    catalogue.putImage(buildImage('gone', { finishedAt, status: 'deleted', deletedAt: finishedAt }))
    catalogue.putImage(buildImage('back', { finishedAt, status: 'deactivated' }))
    await at('2026-01-06T02:00:00Z')
    assert.deepEqual([plans.made.length, rules.get('fresh').waiting], [0, ['back']])
    catalogue.putImage(buildImage('back', { finishedAt }))
    await at('2026-01-07T02:00:00Z')
    assert.deepEqual(plans.images(), [['back']])
  })

  it('keeps what waits when no plan can be made: until the next time, or for some minutes without cron', async () => {
    const { rules, plans, at, publish, failures } = await start()
    await rules.put('at-once', buildRule({ on: 'new-image', cron: null }))
    plans.fault = planFault('SHOAL_PLAN_UNMET')
    await at('2026-01-05T13:00:00Z')
    await publish('v1')
    await rules.round()
    await at('2026-01-05T13:01:00Z')
    await at('2026-01-06T02:00:00Z')
    assert.equal((await failures()).length, 2)
    plans.fault = undefined
    await at('2026-01-06T02:01:00Z')
    assert.equal(plans.made.length, 0)
    await at('2026-01-06T02:05:00Z')
    assert.deepEqual(
      plans.made.map(({ source }) => source),
      ['rule:at-once'],
    )
    assert.deepEqual(rules.get('fresh').waiting, ['v1'])
    await at('2026-01-07T02:00:00Z')
    assert.equal(plans.made.length, 2)
    assert.deepEqual([rules.get('fresh').waiting, rules.get('fresh').lastError], [[], null])
  })

  it('puts at most as many images into a plan as one may have', async () => {
    const { rules, plans, at, publish } = await start({ cron: null, images: { name: '*', newestOnly: false } })
    await at('2026-01-05T13:00:00Z')
    for (let image = 0; image < 130; image += 1) await publish(`image-${image}`)
    await rules.round()
    await rules.round()
    assert.deepEqual(
      plans.images().map((images) => images.length),
      [100, 30],
    )
    assert.equal(new Set(plans.images().flat()).size, 130)
  })

  it('lets a thousand images wait, and takes none of them twice', async () => {
    const { rules, plans, at, clock, publish, restart } = await start({ images: { name: '*', newestOnly: false } })
    await at('2026-01-05T13:00:00Z')
    for (let image = 0; image < 2500; image += 1) {
      clock.advance(1)
      await publish(`image-${image}`, {}, { isTold: false })
    }
    await restart()
    assert.equal(rules.get('fresh').waiting.length, 0, 'these are the rules of before')
    const again = await restart()
    assert.equal(again.get('fresh').waiting.length, 1000)
    for (let night = 6; night < 26; night += 1) {
      clock.advance(Date.parse(`2026-01-${String(night).padStart(2, '0')}T02:00:00Z`) - clock.now())
      await again.round()
    }
    assert.deepEqual(
      plans.images().map((images) => images.length),
      Array(10).fill(100),
    )
    assert.equal(new Set(plans.images().flat()).size, 1000)
  })
})
