import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PlacementRequest } from '@shoal/api'
import type { Digest } from '@shoal/core'
import { type PlacementProblem, placeJointly } from '@shoal/scheduler'
import { VmPlaces } from '../../src/placement/vm-places.ts'
import { layerDigest } from '../nodes/known-layers.ts'
import { buildHolding, buildLayer, SIZE, type SimulatedNode, simulateCaches } from './simulated-caches.ts'

const [BASE, WEB, DB, WEB_FILE] = [1, 2, 3, 4].map(layerDigest) as [Digest, Digest, Digest, Digest]
const CHAINS: Readonly<Record<string, readonly Digest[]>> = { web: [BASE, WEB], db: [BASE, DB], new: [] }

function setUp(nodes: readonly SimulatedNode[]) {
  const { caches, registry } = simulateCaches(nodes)
  const image = (id: string) => {
    const chain = CHAINS[id]
    if (chain === undefined) return undefined
    const image = { id, status: id === 'off' ? 'deactivated' : 'active', sizeBytes: SIZE }
    return { image, deletedAt: null, chain, layer: id === 'web' ? WEB_FILE : null }
  }
  const layer = (digest: string) => buildLayer(digest as Digest)
  const catalogue = { image, layer } as unknown as ConstructorParameters<typeof VmPlaces>[0]['catalogue']
  const problems: PlacementProblem[] = []
  const solve = async (problem: PlacementProblem) => {
    problems.push(problem)
    return placeJointly(problem)
  }
  const places = new VmPlaces({ caches, registry, catalogue, solver: { solve } })
  return { problems, place: (request: PlacementRequest) => places.place(request) }
}

const holding = (...layers: readonly Digest[]) => layers.map((layer) => buildHolding(layer))

it('places VMs where most of their image is, and tells what is missing there', async () => {
  const { place } = setUp([{ id: 'n1', layers: holding(BASE) }, { id: 'n2', layers: holding(BASE, WEB) }, { id: 'n3' }])
  const answer = await place({ images: [{ image: 'web', vms: 1 }] })
  assert.deepEqual(answer, {
    placements: [{ image: 'web', node: 'n2', vms: 1, missingBytes: 0 }],
    ...{ unplaced: [], nodesConsidered: 3, nodesUsed: 1, missingBytes: 0, mostLoaded: 1, isOptimal: true, gap: 0 },
  })
})

it('counts a base once that two images fetch on one node', async () => {
  const { place } = setUp([{ id: 'n1' }])
  const answer = await place({
    images: [
      { image: 'web', vms: 2 },
      { image: 'db', vms: 1 },
    ],
  })
  assert.deepEqual(
    answer.placements.map(({ missingBytes }) => missingBytes),
    [2 * SIZE, 2 * SIZE],
  )
  assert.equal(answer.missingBytes, 3 * SIZE)
})

it('a node that has an image in its own file has all of it, and what others need there is counted by itself', async () => {
  const { place } = setUp([
    { id: 'n1', layers: holding(WEB_FILE) },
    { id: 'n2', layers: [...holding(BASE), buildHolding(WEB_FILE, 100)] },
  ])
  const [web, db] = [
    { image: 'web', vms: 1 },
    { image: 'db', vms: 1 },
  ]
  const one = await place({ images: [web] })
  assert.deepEqual(one.placements, [{ image: 'web', node: 'n1', vms: 1, missingBytes: 0 }])
  // What is on its way costs less, be it more: by its file the image is 900 bytes from the second node, by its chain 1000.
  const other = await place({ images: [web], nodes: [{ node: 'n2' }] })
  assert.deepEqual(other.placements, [{ image: 'web', node: 'n2', vms: 1, missingBytes: SIZE - 100 }])
  const both = await place({ images: [web, db], nodes: [{ node: 'n1' }] })
  assert.deepEqual(
    both.placements.map(({ image, missingBytes }) => [image, missingBytes]),
    [
      ['web', 0],
      ['db', 2 * SIZE],
    ],
  )
  assert.equal(both.missingBytes, 2 * SIZE)
})

it('keeps to what nodes can take and evens them out, and tells what has no place', async () => {
  const nodes = [{ id: 'n1', layers: holding(BASE, WEB) }, { id: 'n2' }]
  const { place } = setUp(nodes)
  const request = { images: [{ image: 'web', vms: 5 }] }
  const all = await place({ ...request, spread: 0 })
  assert.deepEqual(
    all.placements.map(({ node, vms }) => [node, vms]),
    [['n1', 5]],
  )
  const even = await place({ ...request, spread: 100 })
  assert.deepEqual(even.placements.map(({ vms }) => vms).sort(), [2, 3])
  const few = await place({ ...request, vmsPerNode: 2 })
  assert.deepEqual(few.unplaced, [{ image: 'web', vms: 1 }])
  const named = await place({ ...request, nodes: [{ node: 'n1', vms: 1 }, { node: 'n2' }], vmsPerNode: 9 })
  assert.deepEqual(new Map(named.placements.map(({ node, vms }) => [node, vms])).get('n1'), 1)
})

it('goes by the load that the request tells of a node, and by what the node reports otherwise', async () => {
  const { place, problems } = setUp([
    { id: 'n1', inventory: { load1: 3.5 } },
    { id: 'n2', inventory: { load1: 1, downBytesPerSecond: 1000 } },
  ])
  await place({ images: [{ image: 'web', vms: 1 }], nodes: [{ node: 'n1', load: 20 }, { node: 'n2' }] })
  assert.deepEqual([...(problems[0]?.loads ?? [])], [20, 3])
})

it('an image that is not imported is one that nobody has', async () => {
  const { place } = setUp([{ id: 'n1' }])
  const answer = await place({ images: [{ image: 'new', vms: 1 }] })
  assert.equal(answer.missingBytes, SIZE)
})

it('asks only nodes of a zone, rack or aggregate, and says so when none is left', async () => {
  const { place } = setUp([
    { id: 'n1', rack: 'r1', zone: 'z1', aggregates: ['ssd'] },
    { id: 'n2', rack: 'r2', zone: 'z2' },
  ])
  const images = [{ image: 'web', vms: 1 }]
  const nodesOf = async (part: Partial<PlacementRequest>) =>
    (await place({ images, ...part })).placements.map(({ node }) => node)
  assert.deepEqual(await nodesOf({ aggregate: 'ssd' }), ['n1'])
  assert.deepEqual(await nodesOf({ rack: 'r2' }), ['n2'])
  assert.deepEqual(await nodesOf({ zone: 'z2', nodes: [{ node: 'n1' }, { node: 'n2' }] }), ['n2'])
  await assert.rejects(place({ images, zone: 'z3' }), { code: 'SHOAL_PLACEMENT_NO_NODES', message: /zone z3/ })
})

it('refuses what means nothing, and images and nodes that are not known', async () => {
  const { place } = setUp([{ id: 'n1' }])
  const web = { image: 'web', vms: 1 }
  await assert.rejects(place({ images: [web, web] }), {
    code: 'SHOAL_PLACEMENT_REQUEST',
    message: /web is named twice/,
  })
  await assert.rejects(place({ images: [web], nodes: [{ node: 'n1' }, { node: 'n1' }] }), {
    code: 'SHOAL_PLACEMENT_REQUEST',
  })
  const many = [
    { image: 'web', vms: 10_000 },
    { image: 'db', vms: 1 },
  ]
  await assert.rejects(place({ images: many }), { code: 'SHOAL_PLACEMENT_REQUEST', message: /10001 VMs/ })
  await assert.rejects(place({ images: [{ image: 'x', vms: 1 }] }), { code: 'SHOAL_IMAGE_UNKNOWN' })
  await assert.rejects(place({ images: [web], nodes: [{ node: 'n9' }] }), { code: 'SHOAL_NODE_UNKNOWN' })
})
