import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type Digest, ManualClock } from '@shoal/core'
import { createMemoryState, type StateOperation } from '@shoal/state'
import { type AssignmentChange, Assignments, type ClaimsByNode } from '../../src/nodes/assignments.ts'
import { type Claim, ordinaryClaim } from '../../src/nodes/claims.ts'
import { ClaimWriter } from '../../src/prefetch/claim-writer.ts'
import { buildHeld, layerDigest } from '../nodes/known-layers.ts'

const [one, two] = [layerDigest(1), layerDigest(2)]
const claim = (change: Partial<Claim> = {}): Claim => ({ ...ordinaryClaim(50, null), ...change })
const wanted = (nodes: Record<string, readonly Digest[]>, change: Partial<Claim> = {}): ClaimsByNode =>
  new Map(Object.entries(nodes).map(([node, layers]) => [node, new Map(layers.map((layer) => [layer, claim(change)]))]))

/** A writer of a plan's claims over durable assignments. */
class Fixture {
  readonly state = createMemoryState()
  /** How many operations each durable step had. */
  readonly steps: number[] = []
  assignments = new Assignments({ state: this.state, clock: new ManualClock() })
  writer = this.#writer()

  readonly restart = async () => {
    this.assignments = new Assignments({ state: this.state, clock: new ManualClock() })
    await this.assignments.open()
    this.writer = this.#writer()
  }

  held(owner = 'plan'): Record<string, string[]> {
    const claimed = Map.groupBy(this.assignments.list({ owner }), ({ node }) => node)
    return Object.fromEntries([...claimed].map(([node, layers]) => [node, layers.map(({ layer }) => layer)]))
  }

  readonly commit = async (change: AssignmentChange) => {
    await this.state.batch(change.operations)
    change.announce()
  }

  /** The node evicts a layer, and the seed is told. */
  evict(node: string, layer: Digest): Promise<void> {
    const evictedAssignment = this.assignments.list({ node, layer })[0]?.createdAt ?? ''
    return this.commit(this.assignments.endEvicted(node, [buildHeld(layer, { state: 'evicted', evictedAssignment })]))
  }

  #writer(): ClaimWriter {
    const append = async (_: readonly unknown[], operations: readonly StateOperation[] = []) => {
      this.steps.push(operations.length)
      await this.state.batch(operations)
    }
    return new ClaimWriter('plan', { assignments: this.assignments, journal: { append } })
  }
}

it('lays what is wanted, changes it, and releases what is not wanted any more', async () => {
  const fixture = new Fixture()
  await fixture.writer.write(wanted({ n1: [one, two], n2: [one] }))
  assert.deepEqual(fixture.held(), { n1: [one, two], n2: [one] })
  await fixture.writer.write(wanted({ n1: [one], n3: [two] }, { priority: 80 }))
  assert.deepEqual(fixture.held(), { n1: [one], n3: [two] })
  assert.equal(fixture.assignments.ofNode('n1')[0]?.priority, 80)
  await fixture.writer.write(new Map())
  assert.deepEqual(fixture.held(), {})
  await fixture.restart()
  assert.deepEqual(fixture.held(), {}, 'durably')
})

it('writes nothing where nothing changes', async () => {
  const fixture = new Fixture()
  await fixture.writer.write(wanted({ n1: [one] }))
  const revision = fixture.assignments.revision('n1')
  fixture.steps.length = 0
  await fixture.writer.write(wanted({ n1: [one] }))
  assert.deepEqual(fixture.steps, [])
  assert.equal(fixture.assignments.revision('n1'), revision)
})

it('tells nodes to drop what it releases only when it is said so, and what nobody else wants', async () => {
  const fixture = new Fixture()
  await fixture.writer.write(wanted({ n1: [one, two], n2: [one] }))
  await fixture.commit(fixture.assignments.assign(two, ['n1'], { priority: 1, pinnedUntil: null }))
  await fixture.writer.write(wanted({ n1: [one, two] }))
  assert.deepEqual(fixture.assignments.dropped('n2'), [])
  await fixture.writer.write(new Map(), { drops: true })
  assert.deepEqual(fixture.assignments.dropped('n1'), [one])
  assert.deepEqual(fixture.held('operator'), { n1: [two] })
})

it('does not lay again what a node had to evict, until it is to forget that', async () => {
  const fixture = new Fixture()
  await fixture.writer.write(wanted({ n1: [one, two] }))
  await fixture.evict('n1', two)
  assert.equal(fixture.writer.hasEnded('n1', two), true)
  assert.equal(fixture.writer.hasEnded('n1', one), false)
  assert.equal(fixture.writer.hasEnded('n9', one), false)
  await fixture.writer.write(wanted({ n1: [one, two] }, { priority: 70 }))
  assert.deepEqual(fixture.held(), { n1: [one] })
  fixture.writer.forget()
  await fixture.writer.write(wanted({ n1: [one, two] }))
  assert.deepEqual(fixture.held(), { n1: [one, two] })
  assert.equal(fixture.writer.hasEnded('n1', two), false)
})

it('lays again what was evicted when it was not wanted for a while', async () => {
  const fixture = new Fixture()
  await fixture.writer.write(wanted({ n1: [one, two] }))
  await fixture.evict('n1', two)
  await fixture.writer.write(wanted({ n1: [one] }))
  await fixture.writer.write(wanted({ n1: [one, two] }))
  assert.deepEqual(fixture.held(), { n1: [one, two] })
})

it('lays again what a node was asked for that was taken out of the fleet', async () => {
  const fixture = new Fixture()
  await fixture.writer.write(wanted({ n1: [one], n2: [one] }))
  await fixture.commit(fixture.assignments.forget('n1'))
  fixture.writer.forgetNode('n1')
  await fixture.writer.write(wanted({ n1: [one], n2: [one] }))
  assert.deepEqual(fixture.held(), { n1: [one], n2: [one] })
})

it('finds after a restart what was laid before, and releases it', async () => {
  const fixture = new Fixture()
  await fixture.writer.write(wanted({ n1: [one, two], n2: [one] }))
  await fixture.restart()
  fixture.steps.length = 0
  await fixture.writer.write(wanted({ n1: [one, two], n2: [one] }))
  assert.deepEqual(fixture.steps, [], 'it is there already')
  await fixture.restart()
  await fixture.writer.write(wanted({ n2: [one] }))
  assert.deepEqual(fixture.held(), { n2: [one] })
})

it('writes the claims of a large fleet in parts', async () => {
  const fixture = new Fixture()
  const nodes = Object.fromEntries(Array.from({ length: 1201 }, (_, index) => [`n${index}`, [one, two]]))
  await fixture.writer.write(wanted(nodes))
  assert.ok(fixture.steps.length > 2)
  assert.ok(Math.max(...fixture.steps) <= 501, `${fixture.steps}`)
  assert.equal(fixture.assignments.list({ owner: 'plan' }).length, 2402)
  fixture.steps.length = 0
  await fixture.writer.write(new Map())
  assert.ok(fixture.steps.length > 2)
  assert.deepEqual(fixture.held(), {})
})
