import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DashboardFrame, Event, NodeRow } from '@shoal/api'
import { FleetStore } from '../src/fleet/fleet-store.ts'

const none = { set: [], gone: [] }
const row = (id: string, presentBytes: number) => ({ id, presentBytes }) as NodeRow
const event = (id: number) => ({ id }) as Event

function frame(at: string, changes: Partial<DashboardFrame>): DashboardFrame {
  const overview = {
    at,
    library: { rateBytesPerSecond: 1 },
    seed: { upBytesPerSecond: 2 },
    swarm: { downBytesPerSecond: 3 },
  }
  return {
    isWhole: false,
    overview: overview as unknown as DashboardFrame['overview'],
    ...{ nodes: none, plans: none, layers: none, images: none, boots: none, history: [], events: [] },
    ...changes,
  }
}

test('messages change rows, and lists stay the same where nothing changed', () => {
  const store = new FleetStore()
  let told = 0
  store.subscribe(() => {
    told += 1
  })
  store.apply(frame('2026-01-01T00:00:00Z', { isWhole: true, nodes: { set: [row('a', 1), row('b', 2)], gone: [] } }))
  const before = store.nodes.list()
  store.apply(frame('2026-01-01T00:00:01Z', {}))
  assert.equal(store.nodes.list(), before)
  store.apply(frame('2026-01-01T00:00:02Z', { nodes: { set: [row('a', 5)], gone: ['b'] } }))
  assert.deepEqual(store.nodes.list(), [row('a', 5)])
  assert.equal(told, 3)
})

test('a message that says everything takes the place of what was there, and of messages that were missed', () => {
  const store = new FleetStore()
  store.apply(
    frame('2026-01-01T00:00:00Z', { isWhole: true, nodes: { set: [row('a', 1)], gone: [] }, events: [event(1)] }),
  )
  store.apply(
    frame('2026-01-01T00:00:09Z', {
      isWhole: true,
      nodes: { set: [row('c', 1)], gone: [] },
      events: [event(7), event(8)],
    }),
  )
  assert.deepEqual(store.nodes.list(), [row('c', 1)])
  assert.deepEqual(store.events, [event(8), event(7)])
})

test('events are the newest first, and one that comes twice is shown once', () => {
  const store = new FleetStore()
  store.apply(frame('2026-01-01T00:00:00Z', { events: [event(1), event(2)] }))
  store.apply(frame('2026-01-01T00:00:01Z', { events: [event(2), event(3)] }))
  assert.deepEqual(
    store.events.map(({ id }) => id),
    [3, 2, 1],
  )
})

test('traffic is kept for ten minutes, in order, a moment once', () => {
  const store = new FleetStore()
  const at = (second: number) => new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString()
  for (let second = 0; second < 700; second += 1) store.apply(frame(at(second), {}))
  store.apply(frame(at(699), {}))
  const [times, library, seed, swarm] = store.traffic.columns()
  assert.equal(times.length, 600)
  assert.equal(times.at(-1), Date.parse(at(699)) / 1000)
  assert.deepEqual([library[0], seed[0], swarm[0]], [1, 2, 3])
})
