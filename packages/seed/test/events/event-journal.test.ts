import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { EventJournal } from '../../src/events/event-journal.ts'

async function open(state: StateStore, limit = 100): Promise<EventJournal> {
  const journal = new EventJournal({ state, clock: new ManualClock() }, { limit })
  await journal.open()
  return journal
}

const draft = (message: string) => ({ type: 'image.discovered', message }) as const

it('numbers events on over a restart', async () => {
  const state = createMemoryState()
  await (await open(state)).append([draft('a'), draft('b')])
  const journal = await open(state)
  await journal.append([draft('c')])
  const events = await journal.list({ limit: 10 })
  assert.deepEqual(
    events.map(({ id, message }) => [id, message]),
    [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ],
  )
})

it('keeps the newest events up to its limit', async () => {
  const state = createMemoryState()
  const journal = await open(state, 3)
  for (const message of 'abcde') await journal.append([draft(message)])
  const messages = async () => (await journal.list({ limit: 10 })).map(({ message }) => message).join('')
  assert.equal(await messages(), 'cde')
  const reopened = await open(state, 3)
  await reopened.append([draft('f')])
  assert.equal(await messages(), 'def')
})

it('writes events and records in one batch, and appends of one moment together', async (t) => {
  const state = createMemoryState()
  const { mock } = t.mock.method(state, 'batch')
  const journal = await open(state)
  const put = (key: string) => [{ type: 'put', key, value: 1 } as const]
  await Promise.all(['a', 'b', 'c'].map((name) => journal.append([draft(name)], put(name))))
  assert.equal(mock.callCount(), 1)
  assert.equal((await state.get('c'))?.value, 1)
})

it('tells of a failed write, shows nothing of it, and writes it with the next one', async (t) => {
  const state = createMemoryState()
  const journal = await open(state)
  const put = { type: 'put', key: 'record', value: 1 } as const
  const { mock } = t.mock.method(state, 'batch', () => Promise.reject(new Error('disk full')))
  await assert.rejects(journal.append([draft('a')], [put]), /disk full/)
  assert.equal(journal.lastId, 0)
  mock.restore()
  await journal.append([draft('b')])
  assert.equal((await state.get('record'))?.value, 1)
  assert.deepEqual(
    (await journal.list({ limit: 10 })).map(({ message }) => message),
    ['a', 'b'],
  )
})

it('writes what was appended by whoever waited for the batch before', async () => {
  const journal = await open(createMemoryState())
  const chain = async (depth: number): Promise<void> => {
    await journal.append([draft(String(depth))])
    if (depth > 0) await chain(depth - 1)
  }
  await chain(20)
  assert.equal(journal.lastId, 21)
})

it('gives a subscriber everything after an id, then what happens, without a gap', async () => {
  const journal = await open(createMemoryState())
  await journal.append([draft('a'), draft('b'), draft('c')])
  const controller = new AbortController()
  const seen: string[] = []
  for await (const { message } of journal.subscribe({ after: 1, signal: controller.signal })) {
    seen.push(message)
    if (seen.length === 2) void journal.append([draft('d'), draft('e')])
    if (seen.length === 4) controller.abort()
  }
  assert.deepEqual(seen, ['b', 'c', 'd', 'e'])
})

it('starts with what happens from now on when no id is given', async () => {
  const journal = await open(createMemoryState())
  await journal.append([draft('a')])
  const controller = new AbortController()
  const first = journal.subscribe({ signal: controller.signal }).next()
  await journal.append([draft('b')])
  assert.equal((await first).value?.message, 'b')
  controller.abort()
})

it('shrinks step by step when its limit was lowered', async () => {
  const state = createMemoryState()
  await (await open(state, 1000)).append(Array.from({ length: 300 }, () => draft('old')))
  const journal = await open(state, 10)
  const count = async () => (await journal.list({ limit: 1000 })).length
  await journal.append([draft('new')])
  assert.equal(await count(), 201)
  for (let i = 0; i < 2; i += 1) await journal.append([draft('new')])
  assert.equal(await count(), 10)
})
