import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'
import { buildRule } from './rules-fixture.ts'

it('a running seed makes a plan when a new image is imported, and remembers that after a restart', async (t) => {
  const fixture = await createFixture(t)
  await fixture.start()
  const body = buildRule({ on: 'new-image', cron: null, images: { name: 'debian-*' } })
  await fixture.client.putPrefetchRule({ params: { rule: 'fresh' }, body })
  const image = await fixture.addImage('debian-13', rawImage(MIB))
  await fixture.import(image)
  const created = await fixture.event('plan.created')
  assert.equal(created.details.source, 'rule:fresh')
  // In turn after what the rule does by itself, of which there is one plan.
  const plan = await fixture.client.runPrefetchRule({ params: { rule: 'fresh' } })
  assert.deepEqual(plan.images, [{ image, aggregate: 'A' }])

  await fixture.stop()
  await fixture.start()
  const rule = await fixture.client.showPrefetchRule({ params: { rule: 'fresh' } })
  assert.deepEqual([rule.lastPlan, rule.plans, rule.waiting, rule.lastError], [plan.id, 1, [], null])
  const { plans } = await fixture.client.listPrefetches()
  assert.deepEqual(
    plans.map(({ id, name, source }) => [id, name, source]),
    [[plan.id, 'fresh: debian-13', 'rule:fresh']],
  )
})
