import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fleetLines } from '../../src/top/fleet-lines.ts'
import { FleetPicture } from '../../src/top/fleet-picture.ts'
import { NODE_ORDERS, nextOrder, sortNodes } from '../../src/top/node-order.ts'
import { buildPlan, buildUpdate, NOW, summaryOf } from '../prefetch/build-plan.ts'
import { buildFrame, buildOverview, buildReason, buildRow } from './build-fleet.ts'

const MIB = 1024 ** 2
const lost = buildRow('lost', { state: 'lost', trouble: { code: 'lost', message: 'No heartbeats since noon.' } })
const stuck = buildRow('stuck', {
  fetching: 1,
  presentBytes: 0,
  trouble: { code: 'stuck', message: 'It has got nothing.' },
})
const slow = buildRow('slow', { fetching: 1, presentBytes: 20 * MIB, downBytesPerSecond: MIB })
const fast = buildRow('fast', { fetching: 1, presentBytes: 10 * MIB, downBytesPerSecond: 50 * MIB })
const still = buildRow('still', { fetching: 1, presentBytes: 90 * MIB })
const nodes = [fast, buildRow('well'), stuck, still, slow, lost]

const view = { columns: 120, rows: 40, order: 'trouble', now: NOW, isCut: false } as const

function pictureOf(...frames: Parameters<FleetPicture['apply']>[0][]): FleetPicture {
  const picture = new FleetPicture()
  for (const frame of frames) picture.apply(frame)
  return picture
}

test('nodes are sorted by what ails them and how long they still take, by rate, by what is missing, by name', () => {
  const names = (order: (typeof NODE_ORDERS)[number]) => sortNodes(nodes, order).map(({ id }) => id)
  assert.deepEqual(names('trouble'), ['lost', 'stuck', 'still', 'slow', 'fast', 'well'])
  assert.deepEqual(names('rate').slice(0, 2), ['fast', 'slow'])
  assert.deepEqual(names('missing').slice(0, 4), ['stuck', 'fast', 'slow', 'still'])
  assert.deepEqual(names('name'), ['fast', 'lost', 'slow', 'still', 'stuck', 'well'])
  assert.deepEqual(NODE_ORDERS.map(nextOrder), ['rate', 'missing', 'name', 'trouble'])
})

test('a picture has what the last messages left of it', () => {
  const plan = summaryOf(buildPlan())
  const whole = buildFrame([lost, slow], { plans: { set: [plan], gone: [] } })
  const later = buildFrame([buildRow('slow')], { isWhole: false, nodes: { set: [buildRow('slow')], gone: ['lost'] } })
  const picture = pictureOf(whole, later)
  assert.deepEqual([...picture.nodes], [buildRow('slow')])
  assert.equal(picture.plans.length, 1)
  picture.apply(buildFrame([], { isWhole: false, plans: { set: [{ ...plan, state: 'done' }], gone: [] } }))
  assert.deepEqual(picture.plans, [])
  picture.apply(buildFrame([fast]))
  assert.deepEqual([...picture.nodes], [fast])
})

test('a screen has health with its reasons, numbers, plans and the worst nodes with what holds them up', () => {
  const reasons = [buildReason('Node stuck gets nothing.'), buildReason('Node lost is lost.', { severity: 'critical' })]
  const health = { verdict: 'critical', sentence: 'The swarm is in trouble: Node lost is lost.', reasons } as const
  const overview = buildOverview({ health: { ...health, reasons: [...reasons] } })
  const plan = { ...summaryOf(buildPlan()), ...buildUpdate() }
  const lines = fleetLines(pictureOf(buildFrame(nodes, { overview, plans: { set: [plan], gone: [] } })), view)
  const text = lines.join('\n')
  assert.match(text, /^health +The swarm is in trouble: Node lost is lost\.$/m)
  assert.match(text, /^ +critical: Node lost is lost\.$/m)
  assert.match(text, /8\.00 MiB\/s now, limit 10\.0 MiB\/s/)
  assert.match(text, /1\.23 copies of what nodes hold/)
  assert.match(text, /^nightly \(p-1a2b\): running, 50 % of 4\.00 GiB/m)
  assert.match(text, /^lost +lost +100 % .* z1\/r1 +No heartbeats since noon\.$/m)
  assert.ok(text.indexOf('\nlost ') < text.indexOf('\nstuck ') && text.indexOf('\nstuck ') < text.indexOf('\nwell '))
  assert.match(fleetLines(pictureOf(buildFrame(nodes)), { ...view, isCut: true })[0] ?? '', /^CONNECTION LOST/)
})

test('no line is wider and no screen higher than the terminal, and nodes are shown on the smallest', () => {
  const many = Array.from({ length: 500 }, (_, index) => buildRow(`node-with-a-name-that-is-long-${index}`))
  const picture = pictureOf(buildFrame([...nodes, ...many]))
  for (const [columns, rows] of [
    [40, 12],
    [76, 24],
    [200, 60],
    [20, 5],
  ] as const) {
    const lines = fleetLines(picture, { ...view, columns, rows })
    assert.ok(lines.length <= rows, `${lines.length} lines on ${rows}`)
    assert.ok(lines.every((line) => [...line].length <= columns))
    if (rows >= 12)
      assert.ok(
        lines.some((line) => line.startsWith('lost ')),
        `${columns} x ${rows}`,
      )
  }
})

test('what a node calls itself cannot move the cursor', () => {
  const lines = fleetLines(pictureOf(buildFrame([buildRow('n\u001b[2J')])), view)
  assert.ok(!lines.join('').includes('\u001b'))
})
