import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type Digest, ManualClock } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { type AssignmentChange, Assignments, type AssignmentTerms } from '../../src/nodes/assignments.ts'

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`
const terms = (priority: number, pinnedUntil: string | null = null): AssignmentTerms => ({ priority, pinnedUntil })
const NOON = '2026-01-01T12:00:00.000Z'
const EVENING = '2026-01-01T18:00:00.000Z'

async function open(state: StateStore, clock = new ManualClock()): Promise<Assignments> {
  const assignments = new Assignments({ state, clock })
  await assignments.open()
  return assignments
}

function pinOf(assignments: Assignments, layer: Digest, node = 'n1'): string | null | undefined {
  return assignments.list({ node, layer })[0]?.pinnedUntil
}

async function commit(state: StateStore, change: AssignmentChange): Promise<void> {
  await state.batch(change.operations)
  change.announce()
}

it('gives a node a new revision with every change that concerns it, and only then', async () => {
  const state = createMemoryState()
  const assignments = await open(state)
  await commit(state, assignments.assign(digest('a'), ['n1', 'n2'], terms(50)))
  const first = assignments.revision('n1')
  assert.ok(first > 0)
  await commit(state, assignments.assign(digest('a'), ['n1'], terms(50)))
  assert.equal(assignments.revision('n1'), first)
  await commit(state, assignments.assign(digest('b'), ['n2'], terms(50)))
  assert.equal(assignments.revision('n1'), first)
  assert.ok(assignments.revision('n2') > first)
})

it('revokes for all nodes, known or not, and revisions grow on over restarts', async () => {
  const state = createMemoryState()
  const before = await open(state)
  await commit(state, before.assign(digest('a'), ['n1'], terms(50)))
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
  await commit(state, assignments.assign(digest('a'), ['n1'], terms(10)))
  await commit(state, assignments.assign(digest('b'), ['n1'], terms(90)))
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
    if (seen.length === 1) await commit(state, assignments.assign(digest('a'), ['n1'], terms(50)))
    else if (seen.length === 2) setImmediate(() => commit(state, assignments.revoke(digest('a'))))
    else controller.abort()
  }
  assert.deepEqual(seen, [0, 1, 3])
})

it('changes priority and pin when it is assigned again, and keeps since when it is assigned', async () => {
  const state = createMemoryState()
  const clock = new ManualClock(1000)
  const assignments = await open(state, clock)
  await commit(state, assignments.assign(digest('a'), ['n1'], terms(50)))
  const first = assignments.revision('n1')
  clock.advance(1000)
  await commit(state, assignments.assign(digest('a'), ['n1'], terms(70, NOON)))
  const second = assignments.revision('n1')
  assert.ok(second > first)
  await commit(state, assignments.assign(digest('a'), ['n1'], terms(70, NOON)))
  assert.equal(assignments.revision('n1'), second)
  const createdAt = new Date(1000).toISOString()
  const claim = { priority: 70, pinnedUntil: NOON, wave: 0, weight: 10, limitBytesPerSecond: null }
  const expected = [{ node: 'n1', layer: digest('a'), createdAt, ...claim, owners: ['operator'] }]
  assert.deepEqual(assignments.list(), expected)
  assert.deepEqual((await open(state)).list(), expected)
  await commit(state, assignments.assign(digest('a'), ['n1'], terms(70)))
  assert.equal(pinOf(assignments, digest('a')), null)
})

it('pins a base for as long as any layer above it was pinned', async () => {
  const state = createMemoryState()
  const assignments = await open(state)
  const base = digest('b')
  const below = async (pinnedUntil: string | null, nodes = ['n1']) =>
    commit(state, assignments.assignBase(base, nodes, terms(50, pinnedUntil)))
  await below(null)
  assert.equal(pinOf(assignments, base), null)
  await below(EVENING)
  await below(NOON, ['n1', 'n2'])
  await below(null, ['n1'])
  assert.deepEqual([pinOf(assignments, base), pinOf(assignments, base, 'n2')], [EVENING, NOON])
  // Whoever assigns the base itself has the last word.
  await commit(state, assignments.assign(base, ['n1'], terms(50, NOON)))
  assert.equal(pinOf(assignments, base), NOON)
})

it('ends the very assignment whose layer a node evicted, and no later one', async () => {
  const state = createMemoryState()
  const clock = new ManualClock(1000)
  const assignments = await open(state, clock)
  const evicted = (layer: Digest, evictedAssignment?: string) =>
    assignments.endEvicted('n1', [
      { digest: layer, state: 'evicted', ...(evictedAssignment === undefined ? {} : { evictedAssignment }) },
    ])
  await commit(state, assignments.assign(digest('b'), ['n1'], terms(50)))
  await commit(state, assignments.assign(digest('a'), ['n1', 'n2'], terms(50)))
  const [before] = assignments.list({ node: 'n1', layer: digest('a') })
  assert.ok(before !== undefined)
  const revision = assignments.revision('n1')
  for (const nothing of [evicted(digest('a')), evicted(digest('a'), NOON), evicted(digest('c'), before.createdAt)]) {
    assert.deepEqual(nothing.operations, [])
  }
  const kept = { digest: digest('a'), state: 'complete', evictedAssignment: before.createdAt } as const
  assert.deepEqual(assignments.endEvicted('n1', [kept]).operations, [])
  assert.equal(assignments.revision('n1'), revision)

  await commit(state, evicted(digest('a'), before.createdAt))
  assert.ok(assignments.revision('n1') > revision)
  for (const one of [assignments, await open(state)]) {
    assert.deepEqual(
      one.list().map(({ node, layer }) => [node, layer]),
      [
        ['n1', digest('b')],
        ['n2', digest('a')],
      ],
    )
  }

  clock.advance(1)
  await commit(state, assignments.assign(digest('a'), ['n1'], terms(50)))
  assert.deepEqual(evicted(digest('a'), before.createdAt).operations, [])
  const [again] = assignments.list({ node: 'n1', layer: digest('a') })
  assert.ok(again !== undefined && again.createdAt > before.createdAt)
})

it('wakes the watcher of a node whose assignment ended by eviction', async () => {
  const state = createMemoryState()
  const assignments = await open(state)
  await commit(state, assignments.assign(digest('a'), ['n1'], terms(50)))
  const [{ createdAt: evictedAssignment } = { createdAt: '' }] = assignments.list()
  const controller = new AbortController()
  const seen: number[] = []
  for await (const revision of assignments.watch('n1', { signal: controller.signal })) {
    seen.push(revision)
    const layers = [{ digest: digest('a'), state: 'evicted' as const, evictedAssignment }]
    if (seen.length === 1) setImmediate(() => commit(state, assignments.endEvicted('n1', layers)))
    else controller.abort()
  }
  assert.deepEqual(seen, [1, 2])
})

it('reads what was assigned before there were pins', async () => {
  const state = createMemoryState()
  const layers = { [digest('a')]: { priority: 50, createdAt: NOON } }
  await state.put('seed/desired/n1', { node: 'n1', revision: 3, layers })
  const assignments = await open(state)
  const claim = { priority: 50, pinnedUntil: null, wave: 0, weight: 10, limitBytesPerSecond: null }
  const expected = [{ node: 'n1', layer: digest('a'), createdAt: NOON, ...claim, owners: ['operator'] }]
  assert.deepEqual(assignments.ofNode('n1'), expected)
  assert.deepEqual(assignments.assign(digest('a'), ['n1'], terms(50)).operations, [])
})
