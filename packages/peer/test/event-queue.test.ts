import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import { EventQueue } from '../src/event-queue.ts'

const event = (message: string) => ({ at: '2026-01-01T00:00:00Z', type: 'layer.failed', message, details: {} })

test('events stay until they are acknowledged, and those that came meanwhile stay after that', async () => {
  const queue = new EventQueue({ state: createMemoryState(), logger: silentLogger })
  await queue.add(event('1'))
  await queue.add(event('2'))
  deepEqual(queue.next().events, queue.next().events)
  const { events, acknowledge } = queue.next()
  await queue.add(event('3'))
  await acknowledge()
  deepEqual(
    events.map(({ message }) => message),
    ['1', '2'],
  )
  deepEqual(
    queue.next().events.map(({ message }) => message),
    ['3'],
  )
})

test('unacknowledged events are there after a restart, in order, and new ones come after them', async () => {
  const state = createMemoryState()
  const first = new EventQueue({ state, logger: silentLogger })
  for (const message of ['1', '2', '3']) await first.add(event(message))
  await first.next().acknowledge()
  await first.add(event('4'))
  const second = new EventQueue({ state, logger: silentLogger })
  await second.open()
  await second.add(event('5'))
  const third = new EventQueue({ state, logger: silentLogger })
  await third.open()
  deepEqual(
    third.next().events.map(({ message }) => message),
    ['4', '5'],
  )
})

test('a batch has at most 100 events, and of too many the oldest give way', async () => {
  const queue = new EventQueue({ state: createMemoryState(), logger: silentLogger })
  for (let index = 0; index < 1005; index += 1) await queue.add(event(String(index)))
  equal(queue.length, 1000)
  const { events } = queue.next()
  equal(events.length, 100)
  equal(events[0]?.message, '5')
})

test('an event is kept in memory when the state cannot be written', async () => {
  const state = createMemoryState()
  await state.close()
  const queue = new EventQueue({ state, logger: silentLogger })
  await queue.add(event('1'))
  equal(queue.length, 1)
})
