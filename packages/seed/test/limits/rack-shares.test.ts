import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock, MIN_TRANSFER_BYTES_PER_SECOND } from '@shoal/core'
import fc from 'fast-check'
import { createRackShares, type RackNode } from '../../src/limits/rack-shares.ts'

const MB = 1_000_000
const UPLINK = 120 * MB

/** A fleet whose nodes the test changes. */
function fleet(count: number, { rack = 'r1', isFetching = true } = {}) {
  const nodes = new Map<string, RackNode>()
  const state = { uplink: UPLINK as number | null }
  const clock = new ManualClock()
  const put = (node: string, change: Partial<RackNode> = {}) =>
    nodes.set(node, { rack, isAlive: true, isFetching, ...nodes.get(node), ...change, node })
  for (let index = 1; index <= count; index += 1) put(`n${index}`)
  const shares = createRackShares({ nodes: () => nodes.values(), uplinkBytesPerSecond: () => state.uplink, clock })
  return { ...shares, nodes, put, clock, state }
}

describe('shares of the uplink of a rack', () => {
  test('all live nodes share what goes out, and those that fetch what comes in', () => {
    const { refresh, ofNode, put } = fleet(4)
    put('n3', { isFetching: false })
    put('n4', { isAlive: false })
    put('n5', { rack: 'r2' })
    put('n6', { rack: '' })
    assert.deepEqual(refresh(), ['n1', 'n2', 'n3', 'n5'])
    assert.deepEqual(ofNode('n1'), { up: 40 * MB, down: 60 * MB })
    assert.deepEqual(ofNode('n3'), { up: 40 * MB, down: 40 * MB })
    assert.deepEqual(ofNode('n5'), { up: UPLINK, down: UPLINK })
    for (const without of ['n4', 'n6', 'n7']) assert.deepEqual(ofNode(without), { up: null, down: null })
    assert.deepEqual(refresh(), [])
  })

  test('when none fetches, all live nodes share what comes in', () => {
    const { refresh, ofNode } = fleet(3, { isFetching: false })
    refresh()
    assert.deepEqual(ofNode('n2'), { up: 40 * MB, down: 40 * MB })
  })

  test('a share grows by 5 % or more only, and is lowered however little that is', () => {
    const { refresh, ofNode, put, clock } = fleet(40)
    assert.equal(refresh().length, 40)
    clock.advance(2000)
    put('n40', { isAlive: false })
    assert.deepEqual(refresh(), [])
    assert.equal(ofNode('n1').up, 3 * MB)
    put('n39', { isAlive: false })
    assert.equal(refresh().length, 38)
    assert.equal(ofNode('n1').up, Math.floor(UPLINK / 38))
    clock.advance(2000)
    put('n39', { isAlive: true })
    // It is not told either: what it had when it went is near enough to its share now.
    assert.equal(refresh().length, 38)
    assert.deepEqual([ofNode('n1').up, ofNode('n39').up], [Math.floor(UPLINK / 39), 3 * MB])
  })

  test('a rack is divided anew every 2 s at most, each for itself, and a new node need not wait', () => {
    const { refresh, ofNode, put, clock } = fleet(2)
    refresh()
    put('n3')
    assert.deepEqual(refresh(), ['n1', 'n2', 'n3'])
    clock.advance(1999)
    put('n4')
    assert.deepEqual(refresh(), ['n4'])
    assert.deepEqual([ofNode('n1').up, ofNode('n4').up], [40 * MB, 30 * MB])
    put('m1', { rack: 'r2' })
    refresh()
    put('m1', { isFetching: false })
    put('m2', { rack: 'r2' })
    assert.deepEqual(refresh(), ['m1', 'm2'])
    clock.advance(1)
    assert.deepEqual(refresh(), ['n1', 'n2', 'n3'])
  })

  test('another uplink holds at once, and none takes the shares away', () => {
    const { refresh, ofNode, state } = fleet(2)
    refresh()
    state.uplink = 122 * MB
    assert.deepEqual(refresh(), [])
    state.uplink = 100 * MB
    assert.deepEqual(refresh(), ['n1', 'n2'])
    state.uplink = 110 * MB
    assert.deepEqual(refresh(), ['n1', 'n2'])
    assert.equal(ofNode('n1').up, 55 * MB)
    state.uplink = null
    assert.deepEqual(refresh(), ['n1', 'n2'])
    assert.deepEqual(ofNode('n1'), { up: null, down: null })
    assert.deepEqual(refresh(), [])
  })

  test('without an uplink and shares nobody looks at the nodes', () => {
    const nodes = () => assert.fail('the nodes were looked at')
    const { refresh } = createRackShares({ nodes, uplinkBytesPerSecond: () => null, clock: new ManualClock() })
    assert.deepEqual(refresh(), [])
  })

  test('a node that goes to another rack gets the share of that, and one that is forgotten is told nothing', () => {
    const { refresh, ofNode, put, nodes } = fleet(3)
    refresh()
    put('n3', { rack: 'r2' })
    assert.deepEqual(refresh(), ['n1', 'n2', 'n3'])
    assert.equal(ofNode('n3').up, UPLINK)
    put('n3', { rack: '' })
    assert.deepEqual(refresh(), ['n3'])
    nodes.delete('n2')
    assert.deepEqual(refresh(), [])
    assert.deepEqual(ofNode('n2'), { up: null, down: null })
  })

  test('a share is never less than can be kept', () => {
    const { refresh, ofNode, state } = fleet(3)
    state.uplink = MIN_TRANSFER_BYTES_PER_SECOND
    refresh()
    assert.deepEqual(ofNode('n1'), { up: MIN_TRANSFER_BYTES_PER_SECOND, down: MIN_TRANSFER_BYTES_PER_SECOND })
  })

  test('whatever happens, once nodes have been told, shares are whole numbers within the uplink, and near it', () => {
    const step = fc.record({
      node: fc.integer({ min: 1, max: 60 }),
      isAlive: fc.boolean(),
      isFetching: fc.boolean(),
      rack: fc.constantFrom('r1', 'r2'),
      afterMs: fc.integer({ min: 0, max: 3000 }),
    })
    fc.assert(
      fc.property(
        fc.integer({ min: 60 * MIN_TRANSFER_BYTES_PER_SECOND, max: 1e10 }),
        fc.array(step),
        (uplink, steps) => {
          const { refresh, ofNode, put, nodes, clock, state } = fleet(0)
          state.uplink = uplink
          for (const { node, afterMs, ...change } of steps) {
            put(`n${node}`, change)
            clock.advance(afterMs)
            refresh()
          }
          clock.advance(2000)
          refresh()
          for (const rack of ['r1', 'r2']) {
            const alive = [...nodes.values()].filter((node) => node.rack === rack && node.isAlive)
            const fetching = alive.filter(({ isFetching }) => isFetching)
            const sums = [
              [alive.map(({ node }) => ofNode(node).up ?? Number.NaN), alive.length],
              [fetching.map(({ node }) => ofNode(node).down ?? Number.NaN), fetching.length],
            ] as const
            for (const [rates, count] of sums) {
              const sum = rates.reduce((total, rate) => total + rate, 0)
              assert.ok(rates.every(Number.isInteger))
              assert.ok(sum <= uplink, `${sum} of ${uplink}`)
              assert.ok(sum >= (count === 0 ? 0 : uplink / 1.05 - count), `${sum} of ${uplink}`)
            }
          }
        },
      ),
    )
  })
})
