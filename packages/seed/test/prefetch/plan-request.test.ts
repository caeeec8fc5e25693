import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PrefetchImage, PrefetchRequest } from '@shoal/api'
import fc from 'fast-check'
import {
  changedTerms,
  checkImages,
  isoTime,
  planTerms,
  reckonedTime,
  requestHash,
} from '../../src/prefetch/plan-request.ts'
import { NOON_MS } from './simulated-fleet.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const at = (ms: number) => new Date(NOON_MS + ms).toISOString()
const image = (target: Omit<PrefetchImage, 'image'>): PrefetchImage => ({ image: 'a', ...target })

it('a target says in one way which nodes are meant', () => {
  const good: Omit<PrefetchImage, 'image'>[] = [
    { nodes: ['n1'] },
    { all: true },
    { vms: 3 },
    { vms: 3, vmsPerNode: 2, zone: 'z' },
    { zone: 'z' },
    { rack: 'r' },
    { aggregate: 'a' },
    { nodes: ['n1'], zone: 'z', rack: 'r', aggregate: 'a' },
    { all: true, rack: 'r' },
  ]
  for (const target of good) assert.doesNotThrow(() => checkImages([image(target)]), JSON.stringify(target))
  const bad: Omit<PrefetchImage, 'image'>[] = [
    {},
    { priority: 3 },
    { vmsPerNode: 2, all: true },
    { nodes: ['n1'], all: true },
    { nodes: ['n1'], vms: 3 },
    { all: true, vms: 3 },
  ]
  for (const target of bad) {
    assert.throws(() => checkImages([image(target)]), { code: 'SHOAL_PLAN_TARGETS' }, JSON.stringify(target))
  }
})

it('no image may be named twice', () => {
  const [first, second] = [image({ all: true }), image({ rack: 'r' })]
  assert.throws(() => checkImages([first, second]), { code: 'SHOAL_PLAN_REQUEST' })
  assert.doesNotThrow(() => checkImages([first, { ...second, image: 'b' }]))
})

it('fills in every default', () => {
  const limits = { bytesPerSecond: null, nodeBytesPerSecond: null }
  const week = at(7 * DAY_MS)
  const terms = { priority: 50, weight: 10, limits, notBefore: null, deadline: null }
  assert.deepEqual(planTerms({}, NOON_MS), { ...terms, expiresAt: week, pinnedUntil: week })
  const deadline = at(HOUR_MS)
  const after = at(HOUR_MS + DAY_MS)
  assert.deepEqual(planTerms({ deadline }, NOON_MS), { ...terms, deadline, expiresAt: after, pinnedUntil: after })
  assert.equal(planTerms({ notBefore: at(HOUR_MS) }, NOON_MS).expiresAt, after)
  const own = planTerms({ deadline, expiresAt: at(2 * HOUR_MS), limits: { nodeBytesPerSecond: 9 } }, NOON_MS)
  assert.deepEqual([own.expiresAt, own.pinnedUntil], [at(2 * HOUR_MS), at(2 * HOUR_MS)])
  assert.deepEqual(own.limits, { bytesPerSecond: null, nodeBytesPerSecond: 9 })
})

it('writes times of any zone in one way', () => {
  assert.equal(planTerms({ deadline: '2026-01-01T15:00:00+02:00' }, NOON_MS).deadline, at(HOUR_MS))
})

it('refuses times that contradict each other', () => {
  const wrong: Parameters<typeof planTerms>[0][] = [
    { deadline: at(0) },
    { deadline: at(-HOUR_MS) },
    { deadline: at(HOUR_MS), notBefore: at(HOUR_MS) },
    { deadline: at(-HOUR_MS), notBefore: at(-2 * HOUR_MS) },
    { expiresAt: at(0) },
    { expiresAt: at(HOUR_MS), deadline: at(HOUR_MS) },
    { expiresAt: at(HOUR_MS), notBefore: at(2 * HOUR_MS) },
    { expiresAt: at(-HOUR_MS), notBefore: at(-2 * HOUR_MS) },
    { deadline: '2026-06-30T23:59:60Z' },
    { pinnedUntil: '9999-12-31T23:59:59-05:00' },
  ]
  for (const times of wrong) {
    assert.throws(() => planTerms(times, NOON_MS), { code: 'SHOAL_PLAN_TIME' }, JSON.stringify(times))
  }
})

it('a change keeps what it does not name', () => {
  const times = { deadline: at(HOUR_MS), expiresAt: at(3 * HOUR_MS), pinnedUntil: at(9 * HOUR_MS) }
  const limits = { bytesPerSecond: 5, nodeBytesPerSecond: 3 }
  const before = planTerms({ ...times, priority: 7, weight: 8, notBefore: at(60_000), limits }, NOON_MS)
  assert.deepEqual(changedTerms(before, {}, NOON_MS), before)
  const changes = [
    [{ priority: 1 }, { priority: 1 }],
    [{ weight: 1 }, { weight: 1 }],
    [{ limits: { bytesPerSecond: null } }, { limits: { bytesPerSecond: null, nodeBytesPerSecond: 3 } }],
    [{ notBefore: null }, { notBefore: null }],
    [{ notBefore: at(0) }, { notBefore: at(0) }],
    [{ deadline: null }, { deadline: null }],
    [{ deadline: at(2 * HOUR_MS) }, { deadline: at(2 * HOUR_MS) }],
    [{ expiresAt: at(2 * HOUR_MS) }, { expiresAt: at(2 * HOUR_MS) }],
    [{ pinnedUntil: at(HOUR_MS) }, { pinnedUntil: at(HOUR_MS) }],
    [{ pinnedUntil: null }, { pinnedUntil: times.expiresAt }],
  ] as const
  for (const [change, expected] of changes) {
    assert.deepEqual(changedTerms(before, change, NOON_MS), { ...before, ...expected }, JSON.stringify(change))
  }
})

it('times that followed from a deadline or a beginning follow it again', () => {
  const before = planTerms({ deadline: at(HOUR_MS) }, NOON_MS)
  const later = changedTerms(before, { deadline: at(5 * HOUR_MS) }, NOON_MS)
  assert.deepEqual([later.expiresAt, later.pinnedUntil], [at(5 * HOUR_MS + DAY_MS), at(5 * HOUR_MS + DAY_MS)])
  const open = changedTerms(before, { deadline: null }, NOON_MS)
  assert.deepEqual([open.deadline, open.expiresAt, open.pinnedUntil], [null, at(7 * DAY_MS), at(7 * DAY_MS)])
  const soon = planTerms({ notBefore: at(HOUR_MS) }, NOON_MS)
  assert.equal(changedTerms(soon, { notBefore: at(3 * DAY_MS) }, NOON_MS).expiresAt, at(4 * DAY_MS))
  const ends = changedTerms(before, { expiresAt: at(2 * HOUR_MS) }, NOON_MS)
  assert.equal(ends.pinnedUntil, at(2 * HOUR_MS))
})

it('a deadline that was missed does not stand in the way of a change of the rest', () => {
  const before = planTerms({ deadline: at(HOUR_MS) }, NOON_MS)
  const now = NOON_MS + 2 * HOUR_MS
  const changed = changedTerms(before, { expiresAt: at(5 * DAY_MS) }, now)
  assert.deepEqual([changed.deadline, changed.expiresAt], [at(HOUR_MS), at(5 * DAY_MS)])
  assert.equal(changedTerms(before, { notBefore: null, priority: 2 }, now).priority, 2)
})

it('a change is refused that contradicts what stays', () => {
  const before = planTerms({ deadline: at(HOUR_MS), expiresAt: at(2 * HOUR_MS) }, NOON_MS)
  const wrong = [
    { notBefore: at(HOUR_MS) },
    { deadline: at(0) },
    { deadline: at(3 * HOUR_MS) },
    { deadline: null, notBefore: at(3 * HOUR_MS) },
    { expiresAt: at(HOUR_MS) },
    { expiresAt: at(0), deadline: null },
  ]
  for (const change of wrong) {
    const what = JSON.stringify(change)
    assert.throws(() => changedTerms(before, change, NOON_MS), { code: 'SHOAL_PLAN_TIME' }, what)
  }
})

it('a request is known again whatever the order of its fields, and no other is taken for it', () => {
  const images: PrefetchImage[] = [
    { image: 'a', rack: 'r', zone: 'z' },
    { image: 'b', vms: 3 },
  ]
  const request: PrefetchRequest = { name: 'x', images, limits: { bytesPerSecond: 9, nodeBytesPerSecond: null } }
  const shuffled: PrefetchRequest = {
    limits: { nodeBytesPerSecond: null, bytesPerSecond: 9 },
    images: [
      { zone: 'z', rack: 'r', image: 'a' },
      { vms: 3, image: 'b' },
    ],
    name: 'x',
  }
  assert.equal(requestHash(request), requestHash(shuffled))
  const others: PrefetchRequest[] = [
    { ...request, name: 'y' },
    { ...request, priority: 50 },
    { ...request, images: images.toReversed() },
    { ...request, limits: { bytesPerSecond: 9 } },
    { ...request, images: [{ image: 'a', rack: 'z', zone: 'r' }, ...images.slice(1)] },
  ]
  assert.equal(new Set([request, ...others].map(requestHash)).size, others.length + 1)
  const property = fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 8 }), (fields) => {
    const turned = Object.fromEntries(Object.entries(fields).reverse())
    const hash = (value: object) => requestHash(value as PrefetchRequest)
    assert.equal(hash(fields), hash(turned))
    assert.notEqual(hash(fields), hash({ ...fields, 'one more': 1 }))
  })
  fc.assert(property, { seed: 1 })
})

it('knows no time that no clock shows', () => {
  assert.equal(reckonedTime(NOON_MS), at(0))
  for (const ms of [undefined, null, Number.NaN, Number.POSITIVE_INFINITY, 1e15, 9e15]) {
    assert.equal(reckonedTime(ms), null, `${ms}`)
  }
  const last = Date.UTC(10_000, 0) - 1
  assert.equal(reckonedTime(last), isoTime(last))
  assert.equal(reckonedTime(last + 1), null)
})
