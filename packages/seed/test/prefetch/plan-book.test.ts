import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { EventJournal } from '../../src/events/event-journal.ts'
import { PlanBook } from '../../src/prefetch/plan-book.ts'
import { layerDigest } from '../nodes/known-layers.ts'
import { buildPlanRecord } from './plan-record-fixture.ts'

async function open(state: StateStore = createMemoryState(), kept = 2) {
  const journal = new EventJournal({ state, clock: new ManualClock() }, { limit: 100 })
  await journal.open()
  const book = new PlanBook({ state, journal }, { kept, downloadsKept: 1 })
  await book.open()
  return { state, journal, book }
}

const created = (second: number) => ({ createdAt: new Date(second * 1000).toISOString() })
const targets = new Map([['n1', { layers: new Map([[layerDigest(1), 2]]), vms: 3, predictedFinishMs: 4 }]])

it('keeps plans, what they want of nodes and the keys of their requests over a restart', async () => {
  const { state, book } = await open()
  const plan = buildPlanRecord({ idempotencyKey: 'key', name: 'x' })
  await book.put(plan, [], [book.putTargets(plan.id, targets)])
  const { book: again } = await open(state)
  assert.deepEqual(again.must(plan.id), plan)
  assert.deepEqual(again.ofKey('key'), plan)
  assert.deepEqual(await again.targets(plan.id), targets)
  assert.equal(again.ofKey('other'), undefined)
  assert.equal(again.get('plan-9'), undefined)
  assert.throws(() => again.must('plan-9'), { code: 'SHOAL_PLAN_UNKNOWN' })
  assert.deepEqual(await again.targets('plan-9'), new Map())
})

it('a change is there at once, is written together with its news, and is told', async () => {
  const { journal, book } = await open()
  const told: string[] = []
  const stop = book.onChange((plan) => void told.push(plan))
  const news = { type: 'plan.running', message: 'It runs.', details: { ready: 3 } } as const
  const writing = book.put(buildPlanRecord({ state: 'paused' }), [news])
  assert.equal(book.get('plan-1')?.state, 'paused')
  assert.deepEqual(told, ['plan-1'])
  await writing
  const [event] = await journal.list({ limit: 10 })
  assert.deepEqual([event?.type, event?.plan, event?.details], ['plan.running', 'plan-1', { ready: 3 }])
  stop()
  await book.put(buildPlanRecord(), [])
  assert.deepEqual(told, ['plan-1'])
})

it('lists the newest first, and of one moment by name', async () => {
  const { book } = await open()
  for (const [id, second] of [
    ['b', 1],
    ['c', 2],
    ['a', 1],
  ] as const) {
    await book.put(buildPlanRecord({ id, ...created(second) }), [])
  }
  assert.deepEqual(
    book.list().map(({ id }) => id),
    ['c', 'a', 'b'],
  )
})

it('the oldest plans that are over are too many, and none that is under way', async () => {
  const { book } = await open()
  const states = ['done', 'running', 'cancelled', 'failed', 'partly-done', 'expired', 'paused', 'planned'] as const
  for (const [second, state] of states.entries())
    await book.put(buildPlanRecord({ id: state, state, ...created(second) }), [])
  assert.deepEqual(
    book.surplus().map(({ id }) => id),
    ['cancelled', 'done'],
  )
})

it('accounts of downloads that are over are counted by themselves: they push nothing out', async () => {
  const { book } = await open()
  for (const [second, id] of ['d1', 'p1', 'd2', 'd3', 'p2'].entries()) {
    const kind = id.startsWith('d') ? 'download' : 'prefetch'
    await book.put(buildPlanRecord({ id, kind, state: 'done', ...created(second) }), [])
  }
  assert.deepEqual(
    book.surplus().map(({ id }) => id),
    ['d2', 'd1'],
  )
})

it('a plan that is removed is gone with its key and with what it wanted, over a restart too', async () => {
  const { state, book } = await open()
  const plan = buildPlanRecord({ idempotencyKey: 'key' })
  await book.put(plan, [], [book.putTargets(plan.id, targets)])
  await book.remove(plan.id)
  const { book: again } = await open(state)
  for (const one of [book, again]) {
    assert.equal(one.get(plan.id), undefined)
    assert.equal(one.ofKey('key'), undefined)
    assert.deepEqual(await one.targets(plan.id), new Map())
  }
})
