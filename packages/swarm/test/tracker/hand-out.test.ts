import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HAND_OUT } from '../../src/tracker/hand-out.ts'
import { TableFixture } from './tracker-fixture.ts'

interface Node {
  readonly address: string
  readonly zone: string
  readonly rack: string
}

/** Nodes in racks of very different sizes, in random order: 1, 4, 9, 16 and so on up to 100 nodes, then singles. */
function nodesInRacks(count: number, random: () => number): Node[] {
  const nodes: Node[] = []
  for (let rack = 0; nodes.length < count; rack++) {
    const size = ((rack % 10) + 1) ** 2
    for (let index = 0; index < size && nodes.length < count; index++) {
      nodes.push({ address: `n${nodes.length}`, zone: `zone${rack % 3}`, rack: `rack${rack}` })
    }
  }
  for (let index = nodes.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1))
    const [one, two] = [nodes[index], nodes[other]]
    if (one !== undefined && two !== undefined) [nodes[index], nodes[other]] = [two, one]
  }
  return nodes
}

/** Who ever was told of whom, both ways. */
function edgesOf(answers: Iterable<readonly [string, readonly string[]]>, into = new Map<string, Set<string>>()) {
  const of = (address: string) => {
    const known = into.get(address) ?? new Set()
    into.set(address, known)
    return known
  }
  for (const [address, told] of answers) {
    for (const other of told) {
      of(address).add(other)
      of(other).add(address)
    }
  }
  return into
}

function reached(edges: ReadonlyMap<string, ReadonlySet<string>>, from: string): number {
  const seen = new Set([from])
  const queue = [from]
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const other of edges.get(at) ?? []) {
      if (seen.has(other)) continue
      seen.add(other)
      queue.push(other)
    }
  }
  return seen.size
}

describe('2,000 peers that announced', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    it(`make a connected graph of bounded degree with whole small racks, seed ${seed}`, () => {
      const fixture = new TableFixture({ seed })
      const nodes = nodesInRacks(2000, fixture.random)
      const edges = new Map<string, Set<string>>()
      for (const node of nodes) edgesOf([[node.address, fixture.announce(node.address, node)]], edges)
      assert.equal(reached(edges, 'n0'), nodes.length)
      // Once more all: what they are told stays the same but for what they lacked.
      for (const node of nodes) edgesOf([[node.address, fixture.announce(node.address, node)]], edges)
      const degrees = nodes.map(({ address }) => edges.get(address)?.size ?? 0)
      assert.ok(Math.max(...degrees) <= HAND_OUT.maxNear + HAND_OUT.maxFar, `${Math.max(...degrees)}`)
      assert.ok(Math.min(...degrees) >= HAND_OUT.totalFill, `${Math.min(...degrees)}`)

      const racks = Map.groupBy(nodes, ({ rack }) => rack)
      for (const members of racks.values()) {
        const isMesh = members.length <= HAND_OUT.rackMesh
        for (const { address } of members) {
          const known = edges.get(address) ?? new Set()
          const near = members.filter((other) => known.has(other.address)).length
          if (isMesh) assert.equal(near, members.length - 1)
          else assert.ok(near >= HAND_OUT.nearFill)
          assert.ok(known.size - near >= HAND_OUT.farFill)
          assert.ok(!known.has(address))
        }
      }
    })
  }

  it('stay connected without the third that is gone, once the others announced again', () => {
    const fixture = new TableFixture({ seed: 6 })
    const nodes = nodesInRacks(2000, fixture.random)
    for (const node of nodes) fixture.announce(node.address, node)
    const left = nodes.filter((_node, index) => index % 3 !== 0)
    for (const [index, { address }] of nodes.entries()) if (index % 3 === 0) fixture.table.forget(address)
    const edges = edgesOf(left.map((node) => [node.address, fixture.announce(node.address, node)] as const))
    assert.equal(edges.size, left.length)
    assert.equal(reached(edges, left[0]?.address ?? ''), left.length)
  })

  it('are handed out evenly over racks: nobody far more often than others', () => {
    const fixture = new TableFixture({ seed: 7 })
    const nodes = Array.from({ length: 2000 }, (_, n) => ({ address: `n${n}`, zone: 'z', rack: `r${n % 50}` }))
    const perRack = new Map<string, number>()
    for (const node of nodes) {
      for (const other of fixture.announce(node.address, node)) {
        const rack = `r${Number(other.slice(1)) % 50}`
        if (rack !== node.rack) perRack.set(rack, (perRack.get(rack) ?? 0) + 1)
      }
    }
    const counts = [...perRack.values()]
    assert.equal(counts.length, 50)
    assert.ok(Math.max(...counts) < 1.5 * Math.min(...counts), `${Math.min(...counts)} to ${Math.max(...counts)}`)
  })
})

it('everybody knows everybody in a small swarm, whatever the racks', () => {
  const fixture = new TableFixture()
  const count = HAND_OUT.smallSwarm
  for (let n = 0; n < count; n++) {
    assert.equal(fixture.announce(`n${n}`, { rack: `r${n}`, zone: `z${n % 5}` }).length, n)
  }
  for (let n = 0; n < count; n++) {
    assert.equal(fixture.announce(`n${n}`, { rack: `r${n}`, zone: `z${n % 5}` }).length, count - 1)
  }
})

it('who lacks something is always told of the origin, however many are there', () => {
  const fixture = new TableFixture()
  fixture.announce('origin', { isOrigin: true, leftKib: 0 })
  for (let n = 0; n < 500; n++) assert.ok(fixture.announce(`n${n}`, { rack: `r${n % 10}` }).includes('origin'))
  assert.ok(fixture.announce('little', { wanted: 1 }).includes('origin'))
  assert.ok(!fixture.announce('done', { leftKib: 0 }).includes('origin'))
})

it('a complete peer is told of incomplete ones only, and of nobody when all are complete', () => {
  const fixture = new TableFixture()
  for (let n = 0; n < 300; n++) fixture.announce(`n${n}`, { leftKib: n % 3 === 0 ? 100 : 0, rack: `r${n % 7}` })
  for (let n = 0; n < 300; n++) {
    if (n % 3 === 0) continue
    const told = fixture.announce(`n${n}`, { leftKib: 0, rack: `r${n % 7}` })
    assert.ok(told.length > 0)
    for (const other of told) assert.equal(Number(other.slice(1)) % 3, 0)
  }
  for (let n = 0; n < 300; n += 3) fixture.announce(`n${n}`, { event: 'completed', leftKib: 0, rack: `r${n % 7}` })
  for (let n = 0; n < 300; n++) assert.deepEqual(fixture.announce(`n${n}`, { leftKib: 0, rack: `r${n % 7}` }), [])
})

it('an incomplete peer gets mostly incomplete ones and some complete, and complete ones where no others are', () => {
  const fixture = new TableFixture({ seed: 8 })
  for (let n = 0; n < 1000; n++) fixture.announce(`n${n}`, { leftKib: n % 2 === 0 ? 100 : 0, rack: `r${n % 5}` })
  const told = fixture.announce('late', { rack: 'r1' })
  const complete = told.filter((address) => Number(address.slice(1)) % 2 === 1).length
  assert.ok(complete >= 3 && complete < told.length / 2, `${complete} of ${told.length}`)
  for (let n = 0; n < 1000; n += 2) fixture.announce(`n${n}`, { event: 'completed', leftKib: 0, rack: `r${n % 5}` })
  assert.ok(fixture.announce('later', { rack: 'r2' }).length >= HAND_OUT.totalFill)
})

it('an announce that is repeated names the same peers, and an answer no more than are wanted', () => {
  const fixture = new TableFixture({ seed: 9 })
  for (let n = 0; n < 1000; n++) fixture.announce(`n${n}`, { rack: `r${n % 5}` })
  const first = new Set(fixture.announce('n7', { rack: 'r2' }))
  assert.deepEqual(new Set(fixture.announce('n7', { rack: 'r2' })), first)
  assert.equal(fixture.announce('few', { rack: 'r2', wanted: 5 }).length, 5)
  for (const told of fixture.told.values()) assert.ok(told.length <= HAND_OUT.maxAnswer)
})
