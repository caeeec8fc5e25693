import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type Digest, ManualClock } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { type AssignmentChange, Assignments } from '../../src/nodes/assignments.ts'
import { type Claim, ordinaryClaim } from '../../src/nodes/claims.ts'

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`
const NOON = '2026-01-01T12:00:00.000Z'
const EVENING = '2026-01-01T18:00:00.000Z'

async function open(state: StateStore): Promise<Assignments> {
  const assignments = new Assignments({ state, clock: new ManualClock() })
  await assignments.open()
  return assignments
}

async function commit(state: StateStore, change: AssignmentChange): Promise<void> {
  await state.batch(change.operations)
  change.announce()
}

const on = (node: string, layer: Digest, claim: Claim) => new Map([[node, new Map([[layer, claim]])]])
const claim = (priority: number, change: Partial<Claim> = {}): Claim => ({
  ...ordinaryClaim(priority, null),
  ...change,
})

it('lets the most urgent claim lead, and keeps the longest pin', async () => {
  const state = createMemoryState()
  const assignments = await open(state)
  const low = claim(20, { pinnedUntil: EVENING, wave: 3 })
  await commit(state, assignments.claim('plan-a', on('n1', digest('a'), low)))
  await commit(state, assignments.claim('plan-b', on('n1', digest('a'), claim(80, { pinnedUntil: NOON, weight: 5 }))))
  const [found] = assignments.ofNode('n1')
  assert.equal(found?.priority, 80)
  assert.equal(found.weight, 5)
  assert.equal(found.wave, 0)
  assert.equal(found.pinnedUntil, EVENING)
  assert.deepEqual(found.owners, ['plan-a', 'plan-b'])
})

it('does not let a claim that rests hold up one that does not', async () => {
  const state = createMemoryState()
  const assignments = await open(state)
  await commit(state, assignments.claim('plan-a', on('n1', digest('a'), claim(90, { limitBytesPerSecond: 0 }))))
  assert.equal(assignments.ofNode('n1')[0]?.limitBytesPerSecond, 0)
  await commit(state, assignments.claim('plan-b', on('n1', digest('a'), claim(10))))
  assert.equal(assignments.ofNode('n1')[0]?.limitBytesPerSecond, null)
  assert.equal(assignments.ofNode('n1')[0]?.priority, 10)
})

it('takes a layer back when its last owner releases it, and not before; over restarts', async () => {
  const state = createMemoryState()
  const before = await open(state)
  await commit(state, before.claim('plan-a', on('n1', digest('a'), claim(50))))
  await commit(state, before.assign(digest('a'), ['n1'], { priority: 60, pinnedUntil: null }))
  const after = await open(state)
  await commit(state, after.release('plan-a', new Map([['n1', [digest('a'), digest('b')]]])))
  assert.deepEqual(after.ofNode('n1')[0]?.owners, ['operator'])
  await commit(state, after.release('operator', new Map([['n1', [digest('a')]]])))
  assert.deepEqual((await open(state)).ofNode('n1'), [])
})

it('does not lay a claim again that ended by eviction when only its terms change', async () => {
  const state = createMemoryState()
  const assignments = await open(state)
  await commit(state, assignments.claim('plan-a', on('n1', digest('a'), claim(50))))
  const evicted = { digest: digest('a'), state: 'evicted' as const }
  const { createdAt: evictedAssignment } = assignments.ofNode('n1')[0] ?? { createdAt: '' }
  await commit(state, assignments.endEvicted('n1', [{ ...evicted, evictedAssignment }]))
  await commit(state, assignments.claim('plan-a', on('n1', digest('a'), claim(70)), { onlyHeld: true }))
  assert.equal(assignments.has('n1', digest('a'), 'plan-a'), false)
  await commit(state, assignments.claim('plan-a', on('n1', digest('a'), claim(70))))
  assert.equal(assignments.has('n1', digest('a'), 'plan-a'), true)
})

it('gives no node a new revision that nothing changes for', async () => {
  const state = createMemoryState()
  const assignments = await open(state)
  const wanted = new Map([...on('n1', digest('a'), claim(50)), ...on('n2', digest('a'), claim(50))])
  await commit(state, assignments.claim('plan-a', wanted))
  const revisions = ['n1', 'n2'].map((node) => assignments.revision(node))
  assert.deepEqual(assignments.claim('plan-a', wanted).operations, [])
  await commit(state, assignments.claim('plan-a', on('n2', digest('a'), claim(51))))
  assert.equal(assignments.revision('n1'), revisions[0])
  assert.ok(assignments.revision('n2') > (revisions[1] ?? 0))
})
