import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Inventory, LayerInventory, Limits, Node } from '@shoal/api'
import { type Digest, ManualClock, NO_TRANSFER_LIMITS } from '@shoal/core'
import type { Demand } from '@shoal/planner'
import { createMemoryState } from '@shoal/state'
import { Assignments } from '../../src/nodes/assignments.ts'
import { type Claim, ordinaryClaim } from '../../src/nodes/claims.ts'
import { FleetView } from '../../src/prefetch/fleet-view.ts'
import { buildHeld, buildLayerRecord, layerDigest } from '../nodes/known-layers.ts'
import { buildRegistration, NOON_MS } from './simulated-fleet.ts'

const [one, two] = [layerDigest(1), layerDigest(2)]
const isHere = () => true
const LINKS = { nodeLinkBytesPerSecond: 1000, seedLinkBytesPerSecond: 2000, libraryBytesPerSecond: 300 }

function buildNode(id: string, change: Partial<Node> = {}): Node {
  const registration = buildRegistration({ capacityBytes: 1000, linkBytesPerSecond: null })
  const seen = { lastSeenAt: new Date(NOON_MS).toISOString(), reachability: '', inventory: buildInventory([]) }
  const mode = { mode: 'active', reason: '', by: null, since: null, isDrained: false } as const
  return { id, ...registration, state: 'ready', mode, ...seen, ...change }
}

function buildInventory(layers: LayerInventory[], change: Partial<Inventory> = {}): Inventory {
  const diskUsedBytes = layers.reduce((sum, { presentBytes }) => sum + presentBytes, 0)
  const rest = { diskFreeBytes: 1, downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 3 }
  return { layers, diskUsedBytes, ...rest, ...change }
}

function view(nodes: readonly Node[], { limits = {}, libraryLayers = [one, two] as readonly Digest[] } = {}) {
  const clock = new ManualClock(NOON_MS)
  const assignments = new Assignments({ state: createMemoryState(), clock })
  const records = new Map(libraryLayers.map((digest) => [digest, buildLayerRecord(digest)]))
  const effective: Limits = {
    ...{ libraryBytesPerSecond: null, seedUpBytesPerSecond: null, rackUplinkBytesPerSecond: null },
    node: NO_TRANSFER_LIMITS,
    ...limits,
  }
  const fleet = new FleetView(
    {
      registry: { list: () => [...nodes], get: (id) => nodes.find((node) => node.id === id) },
      assignments,
      catalogue: { layer: (digest) => records.get(digest as Digest), layers: () => [...records.values()] },
      limits: { effective },
      clock,
    },
    LINKS,
  )
  const claim = (owner: string, node: string, layer: Digest, change: Partial<Claim> = {}) =>
    void assignments.claim(owner, new Map([[node, new Map([[layer, { ...ordinaryClaim(1, null), ...change }]])]]))
  return { fleet, claim, records }
}

function nodeOf(nodes: readonly Node[], options: Parameters<typeof view>[1] = {}) {
  const [node] = view(nodes, options).fleet.fleet(null, [], isHere).nodes
  assert.ok(node !== undefined)
  return node
}

it('a rate is the lowest of the link, the limit of the fleet and the limit the node keeps', () => {
  const rates = (node: Node, options: Parameters<typeof view>[1] = {}) => {
    const { upBytesPerSecond, downBytesPerSecond } = nodeOf([node], options)
    return [upBytesPerSecond, downBytesPerSecond]
  }
  assert.deepEqual(rates(buildNode('n')), [1000, 1000], 'a link that nobody has told is assumed')
  assert.deepEqual(rates(buildNode('n', { linkBytesPerSecond: 50 })), [50, 50])
  const limits = { node: { ...NO_TRANSFER_LIMITS, upBytesPerSecond: 30, downBytesPerSecond: 400 } }
  assert.deepEqual(rates(buildNode('n'), { limits }), [30, 400])
  assert.deepEqual(rates(buildNode('n', { linkBytesPerSecond: 50 }), { limits }), [30, 50])
  const prefetch = { node: { ...limits.node, prefetchBytesPerSecond: 200 } }
  assert.deepEqual(rates(buildNode('n'), { limits: prefetch }), [30, 200])
  const own = buildInventory([], { limits: { ...NO_TRANSFER_LIMITS, upBytesPerSecond: 7 } })
  assert.deepEqual(rates(buildNode('n', { inventory: own }), { limits: prefetch }), [7, 1000], 'what it keeps holds')
})

it('the seed sends and reads as its link and the limits let it, and has what is published', () => {
  const { fleet, records } = view([])
  records.set(two, buildLayerRecord(two, { state: 'withdrawn' }))
  const { seed } = fleet.fleet(null, [], isHere)
  assert.deepEqual([seed.upBytesPerSecond, seed.libraryBytesPerSecond], [2000, 300])
  assert.deepEqual(seed.holds, [{ layer: one, heldBytes: 100 }])
  const limits = { seedUpBytesPerSecond: 1500, libraryBytesPerSecond: 200 }
  const limited = view([], { limits }).fleet.fleet(null, [], isHere).seed
  assert.deepEqual([limited.upBytesPerSecond, limited.libraryBytesPerSecond], [1500, 200])
})

it('racks have uplinks when those are limited, and nodes without a rack are in none', () => {
  const nodes = [buildNode('a', { rack: 'r1' }), buildNode('b', { rack: 'r1' }), buildNode('c', { rack: '', zone: '' })]
  assert.deepEqual(view(nodes).fleet.fleet(null, [], isHere).racks, [])
  const { racks, nodes: seen } = view(nodes, { limits: { rackUplinkBytesPerSecond: 70 } }).fleet.fleet(null, [], isHere)
  assert.deepEqual(racks, [{ rack: 'r1', inBytesPerSecond: 70, outBytesPerSecond: 70 }])
  assert.deepEqual(
    seen.map(({ rack, zone }) => [rack, zone]),
    [
      ['r1', 'z1'],
      ['r1', 'z1'],
      [undefined, undefined],
    ],
  )
})

it('who counts as alive is asked of each node', () => {
  const { fleet } = view([buildNode('a'), buildNode('b', { state: 'lost' })])
  const { nodes } = fleet.fleet(null, [], ({ state }) => state !== 'lost')
  assert.deepEqual(
    nodes.map(({ node, isAlive }) => [node, isAlive]),
    [
      ['a', true],
      ['b', false],
    ],
  )
})

it('free is what the cache has, less what is used and what others are going to fill', () => {
  const inventory = buildInventory([buildHeld(one, { state: 'fetching', presentBytes: 40 })])
  const { fleet, claim } = view([buildNode('n', { inventory })])
  const free = (plan: string | null, demands: readonly Demand[] = []) =>
    fleet.fleet(plan, demands, isHere).nodes[0]?.freeCacheBytes
  assert.equal(free(null), 960)
  claim('plan-a', 'n', one)
  assert.equal(free(null), 900)
  assert.equal(free('plan-b'), 900)
  assert.equal(free('plan-a'), 960, "a plan's own is for the planner to count")
  claim('plan-b', 'n', one)
  claim('operator', 'n', two)
  assert.equal(free('plan-a'), 860)
})

it('what others are going to fill with the same layers is not counted twice', () => {
  const { fleet, claim } = view([buildNode('n'), buildNode('m', { rack: 'r2' })])
  claim('plan-a', 'n', one)
  claim('plan-a', 'm', one)
  const free = (target: Demand['target']) => {
    const demands: Demand[] = [{ id: 'x', chain: [one], target, priority: 1 }]
    return fleet.fleet('plan-b', demands, isHere).nodes.map(({ freeCacheBytes }) => freeCacheBytes)
  }
  assert.deepEqual(free({ kind: 'within', filter: {} }), [1000, 1000])
  assert.deepEqual(free({ kind: 'within', filter: { rack: 'r2' } }), [900, 1000])
  assert.deepEqual(free({ kind: 'nodes', nodes: ['n'] }), [1000, 900])
  assert.deepEqual(free({ kind: 'vms', vms: 1, vmsPerNode: 1 }), [1000, 1000])
})

it('a layer is pinned by the node or by an assignment whose pin holds, and is held as far as it is there', () => {
  const late = new Date(NOON_MS + 1).toISOString()
  const over = new Date(NOON_MS).toISOString()
  const three = layerDigest(3)
  const inventory = buildInventory([
    buildHeld(one),
    buildHeld(two, { state: 'fetching', presentBytes: 10, isPinned: true }),
    buildHeld(three, { state: 'evicted' }),
    buildHeld(layerDigest(4), { state: 'waiting', presentBytes: 0 }),
  ])
  const { fleet, claim } = view([buildNode('n', { inventory })])
  const holds = () => fleet.fleet(null, [], isHere).nodes[0]?.holds
  claim('plan-a', 'n', one, { pinnedUntil: over })
  assert.deepEqual(holds(), [
    { layer: one, heldBytes: 100, isPinned: false },
    { layer: two, heldBytes: 10, isPinned: true },
  ])
  claim('plan-b', 'n', one, { pinnedUntil: late })
  assert.equal(holds()?.[0]?.isPinned, true)
})

it('a node that has not told what it holds is empty', () => {
  const { freeCacheBytes, holds, load } = nodeOf([buildNode('n', { inventory: null })])
  assert.deepEqual([freeCacheBytes, holds, load], [1000, [], 0])
})

it('of named nodes those stay that are in a part of the fleet, and those that nobody knows', () => {
  const nodes = [
    buildNode('a', { zone: 'z1', rack: 'r1', aggregates: ['gpu'] }),
    buildNode('b', { zone: 'z1', rack: 'r2', aggregates: [] }),
    buildNode('c', { zone: 'z2', rack: 'r1' }),
  ]
  const { fleet } = view(nodes)
  const names = ['c', 'b', 'a', 'stranger']
  assert.deepEqual(fleet.nodesWithin(names, {}), names)
  assert.deepEqual(fleet.nodesWithin(names, { zone: 'z1' }), ['b', 'a', 'stranger'])
  assert.deepEqual(fleet.nodesWithin(names, { zone: 'z1', rack: 'r1' }), ['a', 'stranger'])
  assert.deepEqual(fleet.nodesWithin(names, { aggregate: 'gpu' }), ['a', 'stranger'])
})
