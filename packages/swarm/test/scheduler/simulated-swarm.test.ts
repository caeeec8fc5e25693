import assert from 'node:assert/strict'
import { test } from 'node:test'
import { range } from './scheduler-fixture.ts'
import { type SimulatedNode, type SimulationResult, simulate } from './simulated-swarm.ts'

const RATE = 10_000_000
const PIECE_BYTES = 256 * 1024
const PIECES_PER_MIB = 4
const SEEDS = [1, 2, 3]

interface Swarm {
  readonly nodes: readonly SimulatedNode[]
  readonly mib: number
  readonly uplinkBytesPerSecond?: number
  readonly seed?: number
}

function buildNodes(count: number, racks = 0): SimulatedNode[] {
  return range(0, count).map((index) => ({
    name: `node-${index}`,
    ...(racks > 0 ? { rack: `rack-${index % racks}` } : {}),
    upBytesPerSecond: RATE,
    downBytesPerSecond: RATE,
  }))
}

function run({ nodes, mib, uplinkBytesPerSecond, seed = 1 }: Swarm): SimulationResult {
  return simulate({
    pieces: mib * PIECES_PER_MIB,
    pieceBytes: PIECE_BYTES,
    originUpBytesPerSecond: RATE,
    nodes,
    seed,
    ...(uplinkBytesPerSecond === undefined ? {} : { uplinkBytesPerSecond }),
  })
}

/** The least possible time for the last node (README of the bench): the origin, a node's link, all links together, a rack's uplink. */
function boundSeconds({ nodes, mib, uplinkBytesPerSecond = Number.POSITIVE_INFINITY }: Swarm): number {
  const bytes = mib * 1024 * 1024
  const all = (nodes.length * bytes) / (RATE + nodes.length * RATE)
  return Math.max(bytes / RATE, all, bytes / uplinkBytesPerSecond)
}

function worst(swarm: Swarm, figure: (result: SimulationResult) => number): number {
  return Math.max(...SEEDS.map((seed) => figure(run({ ...swarm, seed }))))
}

for (const { count, mib, limit } of [
  { count: 8, mib: 64, limit: 1.08 },
  { count: 16, mib: 64, limit: 1.15 },
  { count: 16, mib: 128, limit: 1.1 },
]) {
  test(`${count} nodes have ${mib} MiB within ${limit} of the bound, and the origin gave little more than one copy`, () => {
    const swarm = { nodes: buildNodes(count), mib }
    for (const seed of SEEDS) {
      const result = run({ ...swarm, seed })
      assert.ok(result.lastSeconds <= limit * boundSeconds(swarm), `${result.lastSeconds / boundSeconds(swarm)}`)
      assert.ok(result.seedCopies <= 1.02, `${result.seedCopies} seed copies`)
      assert.ok(result.wasted <= 0.02, `${result.wasted} came twice`)
    }
  })
}

for (const { rate, limit } of [
  { rate: RATE, limit: 1.2 },
  { rate: RATE / 2, limit: 1.1 },
  { rate: RATE / 5, limit: 1.1 },
]) {
  test(`a piece crosses a rack's uplink of ${rate / 1e6} MB/s about once, and the uplink is well used`, () => {
    const swarm = { nodes: buildNodes(16, 4), mib: 64, uplinkBytesPerSecond: rate }
    const copies = worst(swarm, ({ rackCopies }) => Math.max(...rackCopies.values()))
    assert.ok(copies <= 1.05, `${copies} copies into a rack`)
    const last = worst(swarm, ({ lastSeconds }) => lastSeconds) / boundSeconds(swarm)
    assert.ok(last <= limit, `${last} of the bound`)
  })
}

test('a third is killed and others join midway, one is slow and one mute: the rest is done in good time', () => {
  const midMs = 3000
  const nodes = buildNodes(16).map((node, index): SimulatedNode => {
    if (index < 5) return { ...node, killedAtMs: midMs + index * 50 }
    if (index === 5) return { ...node, upBytesPerSecond: RATE / 10, downBytesPerSecond: RATE / 10 }
    return index === 6 ? { ...node, isMute: true } : node
  })
  const joining = range(16, 21).map((index): SimulatedNode => {
    return {
      name: `node-${index}`,
      upBytesPerSecond: RATE,
      downBytesPerSecond: RATE,
      joinsAtMs: midMs + (index - 16) * 50,
    }
  })
  const swarm = { nodes: [...nodes, ...joining], mib: 64 }
  // Who joins last has the whole layer to fetch from then on.
  const bound = (midMs + 200) / 1000 + (64 * 1024 * 1024) / RATE
  for (const seed of SEEDS) {
    const { seconds, seedCopies } = run({ ...swarm, seed })
    const ordinary = [...seconds].filter(([name]) => name !== 'node-5').map(([, at]) => at)
    assert.equal(ordinary.length, 15)
    assert.ok(Math.max(...ordinary) <= 1.25 * bound, `${Math.max(...ordinary) / bound} of the bound`)
    // What only the killed ones had has to leave the origin once more.
    assert.ok(seedCopies <= 1.25, `${seedCopies} seed copies`)
  }
})

test('a slow node does not hold up its rack', () => {
  const nodes = buildNodes(16, 4).map((node, index): SimulatedNode => {
    return index === 0 ? { ...node, upBytesPerSecond: RATE / 10, downBytesPerSecond: RATE / 10 } : node
  })
  const swarm = { nodes, mib: 128, uplinkBytesPerSecond: RATE }
  const last = worst(swarm, ({ seconds }) => Math.max(...[...seconds].slice(1).map(([, at]) => at)))
  assert.ok(last <= 1.25 * boundSeconds(swarm), `${last / boundSeconds(swarm)} of the bound`)
})

test('the same seed gives the same run, and another one another', () => {
  const swarm = { nodes: buildNodes(8), mib: 16 }
  assert.deepEqual(run(swarm), run(swarm))
  assert.notDeepEqual(run(swarm), run({ ...swarm, seed: 2 }))
})
