import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'
import { buildRule } from './rules-fixture.ts'

it('a running seed makes a plan when a new image is imported, and remembers that after a restart', async (t) => {
  const fixture = await createFixture(t)
  await fixture.start()
  const params = { rule: 'fresh' }
  const body = buildRule({ on: 'new-image', cron: null, images: { name: 'debian-*' } })
  await fixture.client.putPrefetchRule({ params, body })
  const image = await fixture.addImage('debian-13', rawImage(MIB))
  await fixture.import(image)
  const created = await fixture.event('plan.created')
  assert.equal(created.details.source, 'rule:fresh')
  // The plan is there a little before the rule has recorded it.
  while ((await fixture.client.showPrefetchRule({ params })).plans === 0)
    await new Promise((resolve) => setTimeout(resolve, 20))

  await fixture.stop()
  await fixture.start()
  const rule = await fixture.client.showPrefetchRule({ params })
  assert.deepEqual([rule.plans, rule.waiting, rule.lastError], [1, [], null])
  const { plans } = await fixture.client.listPrefetches()
  assert.deepEqual(
    plans.map(({ id, name, source }) => [id, name, source]),
    [[rule.lastPlan, 'fresh: debian-13', 'rule:fresh']],
  )
  assert.ok(plans[0]?.id)
  const plan = await fixture.client.showPrefetch({ params: { plan: plans[0].id } })
  assert.deepEqual(plan.images, [{ image, aggregate: 'A' }])
})
