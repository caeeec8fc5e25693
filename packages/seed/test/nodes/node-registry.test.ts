import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Inventory, NodeRegistration } from '@shoal/api'
import { ManualClock } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import { EventJournal } from '../../src/events/event-journal.ts'
import { NodeRegistry } from '../../src/nodes/node-registry.ts'
import type { Reachability } from '../../src/nodes/reachability.ts'

const LAYER = `sha256:${'a'.repeat(64)}`

async function open(
  limit = 100,
  check = async (): Promise<Reachability> => ({ reachable: true, message: '' }),
  clock = new ManualClock(),
) {
  const state = createMemoryState()
  const journal = new EventJournal({ state, clock }, { limit: 100 })
  await journal.open()
  const times = { heartbeatIntervalMs: 1000, lostAfterHeartbeats: 3, reachabilityIntervalMs: 1000 }
  return new NodeRegistry({ state, journal, clock, check }, { ...times, reachabilityTimeoutMs: 1000, limit })
}

function registration(number: number, change: Partial<NodeRegistration> = {}): NodeRegistration {
  const swarmPeerId = String(number).padStart(40, '0')
  const rest = { zone: 'z1', rack: 'r1', dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' }
  return { ...rest, swarmAddress: `10.0.0.${number}:1`, swarmPeerId, ...change }
}

function holding(presentBytes: number): Inventory {
  const counters = { fromOriginBytes: 0, fromPeersBytes: 0, uploadedBytes: 0, peers: 0, error: null }
  const state = presentBytes === 100 ? 'complete' : 'fetching'
  const rest = { diskFreeBytes: 1, diskUsedBytes: 1, downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0 }
  return { layers: [{ digest: LAYER, state, presentBytes, sizeBytes: 100, ...counters }], ...rest }
}

it('keeps its limit when many nodes register at once', async () => {
  const registry = await open(2)
  const results = await Promise.allSettled([1, 2, 3, 4].map((n) => registry.register(`n${n}`, registration(n))))
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'rejected'],
  )
  assert.equal(registry.list().length, 2)
})

it('does not call a node unreachable because its request was given up', async () => {
  const controller = new AbortController()
  const registry = await open(10, async () => {
    controller.abort(new Error('gone'))
    return { reachable: false, message: 'aborted' }
  })
  await assert.rejects(registry.register('n1', registration(1), { signal: controller.signal }), /gone/)
  assert.equal(registry.has('n1'), false)
})

it('names holders near a node first, and not the same first one to all', async () => {
  const registry = await open()
  for (let n = 1; n <= 40; n += 1) {
    await registry.register(`n${n}`, registration(n, { rack: n <= 20 ? 'r1' : 'r2', zone: n <= 30 ? 'z1' : 'z2' }))
    if (n > 1) await registry.heartbeat(`n${n}`, { inventory: holding(n % 2 === 0 ? 100 : 50), events: [] })
  }
  const near = registry.holders(LAYER, { node: 'n1', limit: 25 })
  const racks = near.map((address) => Number(/\.(\d+):/.exec(address)?.[1]) <= 20)
  assert.deepEqual(racks, [...Array(19).fill(true), ...Array(6).fill(false)])
  const firsts = new Set(Array.from({ length: 20 }, (_, n) => registry.holders(LAYER, { node: `n${n}`, limit: 1 })[0]))
  assert.ok(firsts.size > 5, String(firsts.size))
  assert.deepEqual(registry.holdings(LAYER), { complete: 20, partial: 19 })
  await registry.heartbeat('n2', { inventory: holding(0), events: [] })
  await registry.remove('n3', [])
  assert.deepEqual(registry.holdings(LAYER), { complete: 19, partial: 18 })
})

it('tells of a node as soon as it holds something, and no more once it holds nothing, moves away or is lost', async () => {
  const clock = new ManualClock()
  const registry = await open(100, undefined, clock)
  for (const n of [1, 2, 3]) await registry.register(`n${n}`, registration(n))
  const told = () => registry.holders(LAYER, { node: 'n1', limit: 9 }).sort()
  const tell = (node: string, bytes: number) => registry.heartbeat(node, { inventory: holding(bytes), events: [] })
  assert.deepEqual(told(), [])
  await tell('n2', 50)
  assert.deepEqual(told(), ['10.0.0.2:1'])
  await tell('n3', 100)
  assert.deepEqual(told(), ['10.0.0.2:1', '10.0.0.3:1'])
  await tell('n2', 0)
  assert.deepEqual(told(), ['10.0.0.3:1'])
  await registry.register('n3', registration(3, { swarmAddress: '10.0.0.33:1' }))
  assert.deepEqual(told(), ['10.0.0.33:1'])
  clock.advance(10_000)
  await registry.markLost()
  assert.deepEqual(told(), [])
  await tell('n3', 100)
  assert.deepEqual(told(), ['10.0.0.33:1'])
  await registry.remove('n3', [])
  assert.deepEqual(told(), [])
})

it('leaves the peer id of a cloned machine to the other one', async () => {
  const registry = await open()
  const { swarmPeerId } = registration(1)
  await registry.register('n1', registration(1))
  await registry.register('n2', registration(2, { swarmPeerId }))
  await registry.register('n1', registration(1, { swarmPeerId: 'f'.repeat(40) }))
  assert.equal(registry.placeOfPeer(swarmPeerId)?.address, '10.0.0.2:1')
})

it('says which nodes it lost, once', async () => {
  const clock = new ManualClock()
  const registry = await open(10, undefined, clock)
  await registry.register('n1', registration(1))
  await registry.register('n2', registration(2))
  clock.advance(3000)
  await registry.heartbeat('n2', { inventory: holding(0), events: [] })
  clock.advance(1)
  assert.deepEqual(await registry.markLost(), ['10.0.0.1:1'])
  assert.deepEqual(await registry.markLost(), [])
})

it('loses a node by its silence, whatever the clock is set to', async () => {
  const clock = new ManualClock(1_700_000_000_000)
  const registry = await open(10, undefined, clock)
  await registry.register('n1', registration(1))
  clock.set(1_800_000_000_000)
  assert.deepEqual(await registry.markLost(), [])
  clock.set(0)
  clock.advance(3001)
  assert.deepEqual(await registry.markLost(), ['10.0.0.1:1'])
})
