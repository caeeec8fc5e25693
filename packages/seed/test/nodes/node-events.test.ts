import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeEvent } from '@shoal/api'
import { NodeEvents } from '../../src/nodes/node-events.ts'

function event(number: number): NodeEvent {
  return { at: '2026-01-31T18:00:00.000Z', type: 'layer.failed', message: `failed ${number}`, details: {} }
}

const batch = (first: number) => Array.from({ length: 100 }, (_, index) => event(first + index))

test('an event of a node is journalled once, however often it is sent, and what is no event of ours never', () => {
  const events = new NodeEvents('node-1')
  deepEqual(
    events.tell([event(1), event(2)]).map(({ message, node, actor }) => ({ message, node, actor })),
    [1, 2].map((number) => ({ message: `failed ${number}`, node: 'node-1', actor: 'node:node-1' })),
  )
  equal(events.tell([event(1), event(2), event(3)]).length, 1)
  equal(events.tell([{ ...event(4), type: 'of another version' as NodeEvent['type'] }]).length, 0)
  equal(events.tell([{ ...event(1), at: '2026-01-31T18:00:01.000Z' }]).length, 1)
})

test('the last heartbeats are remembered, not all that there ever were', () => {
  const events = new NodeEvents('node-1')
  for (const first of [0, 100, 200]) equal(events.tell(batch(first)).length, 100)
  for (const first of [0, 100, 200]) equal(events.tell(batch(first)).length, 0)
  equal(events.tell([event(300)]).length, 1)
  equal(events.tell([event(0)]).length, 1)
  equal(events.tell([event(299)]).length, 0)
})
