import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Heartbeat, LayerInventory, NodeRegistration } from '@shoal/api'
import { errorCode, ManualClock } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import { EventJournal } from '../../src/events/event-journal.ts'
import { Assignments } from '../../src/nodes/assignments.ts'
import { BOOT, OPERATOR, ordinaryClaim } from '../../src/nodes/claims.ts'
import { NodeModes } from '../../src/nodes/node-modes.ts'
import { NodeRegistry } from '../../src/nodes/node-registry.ts'
import { buildHeld, layerDigest } from './known-layers.ts'

const [ONE, TWO] = [layerDigest(1), layerDigest(2)]
const BY = 'user:ann'
const OPTIONS = {
  ...{ heartbeatIntervalMs: 1000, lostAfterHeartbeats: 3, reachabilityIntervalMs: 1000 },
  ...{ reachabilityTimeoutMs: 1000, limit: 1000 },
}

function registration(number: number, host = `10.0.0.${number}`): NodeRegistration {
  const rest = { zone: 'z1', rack: 'r1', dhtAddress: `${host}:2`, apiUrl: null, capacityBytes: 1, version: '1' }
  return { ...rest, swarmAddress: `${host}:1`, swarmPeerId: String(number).padStart(40, '0') }
}

function report(layers: readonly LayerInventory[], boots: unknown[] = []): Pick<Heartbeat, 'inventory' | 'events'> {
  const rest = { diskFreeBytes: 1, diskUsedBytes: 1, downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0 }
  return { inventory: { layers: [...layers], boots: boots as never, ...rest }, events: [] }
}

async function openFleet({ state = createMemoryState(), nodes = 3, clock = new ManualClock(1_000_000) } = {}) {
  const journal = new EventJournal({ state, clock }, { limit: 100 })
  await journal.open()
  const assignments: Assignments = new Assignments({ state, clock, isActive: (node) => registry.isActive(node) })
  const registry = new NodeRegistry(
    {
      ...{ state, journal, clock },
      check: async () => ({ reachable: true, message: '' }),
      isWanted: (node, layer) => assignments.mayMove(node, layer),
      originHost: () => '10.0.0.200',
    },
    OPTIONS,
  )
  await assignments.open()
  await registry.open()
  const forgotten: string[] = []
  const modes = new NodeModes({ registry, assignments, tracker: { forget: (address) => void forgotten.push(address) } })
  for (let n = 1; n <= nodes; n += 1) if (!registry.has(`n${n}`)) await registry.register(`n${n}`, registration(n))
  const types = async () => (await journal.list({ limit: 100 })).map(({ type, node, actor }) => [type, node, actor])
  return { state, clock, journal, assignments, registry, modes, forgotten, types }
}

const claim = (owner: string, fleet: Awaited<ReturnType<typeof openFleet>>, node: string, layer = ONE) =>
  fleet.assignments.claim(owner, new Map([[node, new Map([[layer, ordinaryClaim(50, null)]])]]))

it('a mode is durable, says who set it and why, and outlives a restart and a new registration', async () => {
  const first = await openFleet()
  const since = new Date(first.clock.now()).toISOString()
  const set = await first.modes.set('n1', { mode: 'draining', reason: 'new disks' }, BY)
  assert.deepEqual(set, { mode: 'draining', reason: 'new disks', by: BY, since, isDrained: false })
  const second = await openFleet({ state: first.state })
  await second.registry.register('n1', { ...registration(1), version: '2' })
  assert.deepEqual(second.registry.mode('n1'), set)
  assert.deepEqual(second.registry.modeCounts(), { active: 2, draining: 1, quarantined: 0 })
  assert.ok((await first.types()).some((event) => String(event) === `node.mode-changed,n1,${BY}`))
})

it('the same once more changes nothing; another reason does', async () => {
  const { modes, assignments, journal } = await openFleet()
  await modes.set('n1', { mode: 'draining', reason: 'new disks' }, BY)
  const before = [assignments.revision('n1'), journal.lastId]
  await modes.set('n1', { mode: 'draining', reason: 'new disks' }, 'user:bob')
  await modes.set('n1', { mode: 'draining' }, 'user:bob')
  await modes.set('n2', { mode: 'active' }, 'user:bob')
  assert.deepEqual([assignments.revision('n1'), journal.lastId], before)
  const { reason, by } = await modes.set('n1', { mode: 'draining', reason: 'a new board' }, 'user:bob')
  assert.deepEqual([reason, by], ['a new board', 'user:bob'])
  assert.equal((await modes.set('n1', { mode: 'active' }, BY)).reason, '', 'it was the reason of another mode')
})

it('a node that nobody knows has no mode to set', async () => {
  const { modes } = await openFleet()
  await assert.rejects(modes.set('n9', { mode: 'draining' }, BY), (error) => errorCode(error) === 'SHOAL_NODE_UNKNOWN')
})

it('a drain concerns the node alone, a quarantine and its end every node', async () => {
  const { modes, assignments, forgotten } = await openFleet()
  const revisions = () => ['n1', 'n2'].map((node) => assignments.revision(node))
  const [, other] = revisions()
  await modes.set('n1', { mode: 'draining' }, BY)
  assert.deepEqual([revisions()[1], forgotten], [other, []])
  await modes.set('n1', { mode: 'quarantined' }, BY)
  assert.ok((revisions()[1] ?? 0) > (other ?? 0))
  assert.deepEqual(forgotten, ['10.0.0.1:1'])
  const during = revisions()
  await modes.set('n1', { mode: 'active' }, BY)
  assert.ok((revisions()[1] ?? 0) > (during[1] ?? 0))
})

it('what is assigned rests on a node that drains, but what a machine there boots from', async () => {
  const fleet = await openFleet()
  for (const owner of [OPERATOR, 'plan-1']) claim(owner, fleet, 'n1')
  claim(BOOT, fleet, 'n1', TWO)
  const limits = () => {
    const told = fleet.assignments.ofNode('n1').map((one) => [one.layer, one.limitBytesPerSecond])
    return Object.fromEntries(told)
  }
  assert.deepEqual(limits(), { [ONE]: null, [TWO]: null })
  await fleet.modes.set('n1', { mode: 'draining' }, BY)
  assert.deepEqual(limits(), { [ONE]: 0, [TWO]: null })
  assert.deepEqual(
    [ONE, TWO].map((layer) => fleet.assignments.mayMove('n1', layer)),
    [false, true],
  )
  await fleet.modes.set('n1', { mode: 'active' }, BY)
  assert.deepEqual(limits(), { [ONE]: null, [TWO]: null })
})

it('a node is drained when it serves no disk and waits for no block, which is told once', async () => {
  const fleet = await openFleet()
  const { registry, modes } = fleet
  claim(OPERATOR, fleet, 'n1')
  claim(BOOT, fleet, 'n1', TWO)
  await modes.set('n1', { mode: 'draining' }, BY)
  fleet.clock.advance(1)
  const isDrained = () => registry.mode('n1').isDrained
  const part = buildHeld(TWO, { state: 'fetching', presentBytes: 5 })
  await registry.heartbeat(
    'n1',
    report([buildHeld(ONE, { state: 'fetching', presentBytes: 1 }), part], [{ name: 'vm' }]),
  )
  assert.equal(isDrained(), false, 'a machine runs there')
  await registry.heartbeat('n1', report([part]))
  assert.equal(isDrained(), false, 'a boot waits for the rest')
  fleet.assignments.release(BOOT, new Map([['n1', [TWO]]]))
  await registry.heartbeat('n1', report([buildHeld(ONE, { state: 'fetching', presentBytes: 1 })]))
  await registry.heartbeat('n1', report([buildHeld(ONE, { state: 'fetching', presentBytes: 1 })]))
  assert.equal(isDrained(), true, 'what an operator assigned does not go on')
  assert.deepEqual(
    (await fleet.types()).filter(([type]) => type === 'node.drained'),
    [['node.drained', 'n1', 'seed']],
  )
})

it('a drained node that is gone is away, not lost; one that served is lost', async () => {
  const { registry, modes, clock } = await openFleet()
  for (const node of ['n1', 'n2']) {
    await modes.set(node, { mode: 'draining' }, BY)
    clock.advance(1)
    await registry.heartbeat(node, report([], node === 'n2' ? [{ name: 'vm' }] : []))
  }
  clock.advance(3001)
  await registry.markLost()
  assert.deepEqual(registry.counts(), { ready: 0, unreachable: 0, lost: 2, away: 1 })
})

it('one that drains is a source and no replica; one in quarantine is neither, and what it says does not count', async () => {
  const { registry, modes } = await openFleet()
  for (const node of ['n1', 'n2']) await registry.heartbeat(node, report([buildHeld(ONE)]))
  const seen = () => ({
    holders: registry.holders(ONE, { node: 'n3', limit: 9 }).sort(),
    replicas: registry.replicas(ONE, 'n3').rack,
    complete: registry.holdings(ONE).complete,
    dht: registry.dhtAddresses({ except: 'n3', limit: 9 }).length,
    isSource: registry.placeOfPeer(registration(1).swarmPeerId)?.isSource,
  })
  const both = ['10.0.0.1:1', '10.0.0.2:1']
  assert.deepEqual(seen(), { holders: both, replicas: 2, complete: 2, dht: 2, isSource: true })
  await modes.set('n1', { mode: 'draining' }, BY)
  assert.deepEqual(seen(), { holders: both, replicas: 1, complete: 2, dht: 2, isSource: true })
  await modes.set('n1', { mode: 'quarantined' }, BY)
  const without = { holders: both.slice(1), replicas: 1, complete: 1, dht: 1, isSource: false }
  assert.deepEqual(seen(), without)
  await registry.heartbeat('n1', report([buildHeld(ONE)]))
  await registry.register('n1', registration(1))
  assert.deepEqual(seen(), without, 'whatever it says')
  await modes.set('n1', { mode: 'active' }, BY)
  assert.deepEqual(seen(), { holders: both, replicas: 2, complete: 2, dht: 2, isSource: true })
})

it('others are told of one in quarantine by its address only where nobody else is', async () => {
  const { registry, modes } = await openFleet()
  await registry.register('twin', registration(4, '10.0.0.1'))
  await registry.register('beside-the-seed', registration(5, '10.0.0.200'))
  await registry.register('named', registration(6, 'storage.example'))
  for (const node of ['n1', 'n2', 'beside-the-seed', 'named']) await modes.set(node, { mode: 'quarantined' }, BY)
  assert.deepEqual(registry.refused(), [
    { node: 'beside-the-seed', host: null },
    { node: 'n1', host: null },
    { node: 'n2', host: '10.0.0.2' },
    { node: 'named', host: null },
  ])
  await registry.remove('twin', [])
  assert.equal(registry.refused()[1]?.host, '10.0.0.1')
  await registry.register('n1', registration(1, '10.0.0.77'))
  assert.equal(registry.refused()[1]?.host, '10.0.0.77')
})

it('no more go into quarantine than others can be told of', async () => {
  const { modes } = await openFleet({ nodes: 257 })
  for (let n = 1; n <= 256; n += 1) await modes.set(`n${n}`, { mode: 'quarantined' }, BY)
  const isLimit = (error: unknown) => errorCode(error) === 'SHOAL_NODE_QUARANTINE_LIMIT'
  await assert.rejects(modes.set('n257', { mode: 'quarantined' }, BY), isLimit)
  await modes.set('n256', { mode: 'quarantined', reason: 'one that is there already' }, BY)
  await modes.set('n1', { mode: 'active' }, BY)
  await modes.set('n257', { mode: 'quarantined' }, BY)
})
