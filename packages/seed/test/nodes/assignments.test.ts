import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type Digest, ManualClock } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { type AssignmentChange, Assignments } from '../../src/nodes/assignments.ts'

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`

async function open(state: StateStore): Promise<Assignments> {
  const assignments = new Assignments({ state, clock: new ManualClock() })
  await assignments.open()
  return assignments
}

async function commit(state: StateStore, change: AssignmentChange): Promise<void> {
  await state.batch(change.operations)
  change.announce()
}

it('gives a node a new revision with every change that concerns it, and only then', async () => {
  const state = createMemoryState()
  const assignments = await open(state)
  await commit(state, assignments.assign(digest('a'), ['n1', 'n2'], 50))
  const first = assignments.revision('n1')
  assert.ok(first > 0)
  await commit(state, assignments.assign(digest('a'), ['n1'], 50))
  assert.equal(assignments.revision('n1'), first)
  await commit(state, assignments.assign(digest('b'), ['n2'], 50))
  assert.equal(assignments.revision('n1'), first)
  assert.ok(assignments.revision('n2') > first)
})

it('revokes for all nodes, known or not, and revisions grow on over restarts', async () => {
  const state = createMemoryState()
  const before = await open(state)
  await commit(state, before.assign(digest('a'), ['n1'], 50))
  await commit(state, before.revoke(digest('a')))
  assert.deepEqual(before.ofNode('n1'), [])
  const after = await open(state)
  assert.deepEqual(after.revoked, [digest('a')])
  assert.equal(after.revision('stranger'), before.revision('n1'))
  await commit(state, after.forget('n1'))
  await commit(state, after.restore(digest('a')))
  assert.deepEqual(after.revoked, [])
  assert.ok(after.revision('n1') > before.revision('n1'))
})

it('puts the most urgent layer first', async () => {
  const state = createMemoryState()
  const assignments = await open(state)
  await commit(state, assignments.assign(digest('a'), ['n1'], 10))
  await commit(state, assignments.assign(digest('b'), ['n1'], 90))
  assert.deepEqual(
    assignments.ofNode('n1').map(({ layer }) => layer),
    [digest('b'), digest('a')],
  )
})

it('tells a watcher its revision at once and after each change, and ends with the signal', async () => {
  const state = createMemoryState()
  const assignments = await open(state)
  const controller = new AbortController()
  const seen: number[] = []
  for await (const revision of assignments.watch('n1', { signal: controller.signal })) {
    seen.push(revision)
    if (seen.length === 1) await commit(state, assignments.assign(digest('a'), ['n1'], 50))
    else if (seen.length === 2) setImmediate(() => commit(state, assignments.revoke(digest('a'))))
    else controller.abort()
  }
  assert.deepEqual(seen, [0, 1, 3])
})
