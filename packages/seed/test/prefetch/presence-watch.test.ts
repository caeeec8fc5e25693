import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Node } from '@shoal/api'
import { ManualClock } from '@shoal/core'
import { FleetClock } from '../../src/prefetch/fleet-clock.ts'
import { FleetProgress } from '../../src/prefetch/fleet-progress.ts'
import { PresenceWatch } from '../../src/prefetch/presence-watch.ts'
import { buildHeld, layerDigest } from '../nodes/known-layers.ts'
import { buildRegistration, NOON_MS } from './simulated-fleet.ts'

const layer = layerDigest(1)
const PATIENCE_MS = 60_000

function build(names: readonly string[]) {
  const clock = new ManualClock(NOON_MS)
  const nodes = new Map<string, Node>()
  const set = (id: string, state: Node['state'], change: Partial<Node> = {}) => {
    const seen = { lastSeenAt: new Date(clock.now()).toISOString(), reachability: '', inventory: null }
    const mode = { mode: 'active', reason: '', by: null, since: null, isDrained: false } as const
    nodes.set(id, { id, ...buildRegistration(), ...seen, state, mode, ...change })
  }
  for (const name of names) set(name, 'ready')
  const progress = new FleetProgress()
  const target = { layers: new Map([[layer, 1]]), vms: 0, predictedFinishMs: null }
  progress.setTargets(
    new Map(names.map((name) => [name, target])),
    { sizeOf: () => 100, bootBytesOf: () => 0 },
    () => new Map(),
    0,
  )
  const fleet = new FleetClock(
    { registry: { list: () => [...nodes.values()] }, clock },
    { excludeAfterMs: PATIENCE_MS },
  )
  const watch = new PresenceWatch(progress)
  const look = () => watch.look(fleet.now()).map(({ type, details }) => [type, details?.nodes])
  return { clock, nodes, set, progress, fleet, look }
}

it('a node that sends nothing is lost, then excluded, and is told of once; so is its return', () => {
  const { clock, set, progress, look } = build(['a', 'b'])
  const state = () => [progress.rows.get('a')?.presence, progress.rows.get('a')?.state]
  assert.deepEqual(look(), [])
  set('a', 'lost')
  assert.deepEqual(look(), [])
  assert.deepEqual(state(), ['lost', 'waiting'])
  clock.advance(PATIENCE_MS - 1)
  assert.deepEqual(look(), [])
  clock.advance(1)
  assert.deepEqual(look(), [['plan.nodes-excluded', ['a']]])
  assert.deepEqual(state(), ['excluded', 'excluded'])
  assert.deepEqual(look(), [])
  set('a', 'unreachable')
  assert.deepEqual(look(), [['plan.nodes-returned', ['a']]])
  assert.deepEqual(state(), ['unreachable', 'waiting'])
  set('a', 'ready')
  assert.deepEqual(look(), [])
  assert.deepEqual(state(), ['here', 'waiting'])
})

it('one that is away for a moment only is not told of', () => {
  const { set, look } = build(['a'])
  set('a', 'lost')
  assert.deepEqual(look(), [])
  set('a', 'ready')
  assert.deepEqual(look(), [])
})

it('a node that is ready may go without a word, and one that is taken out of the fleet is excluded', () => {
  const { nodes, progress, look } = build(['a', 'b'])
  progress.report('a', new Map([[layer, buildHeld(layer)]]), 0)
  nodes.clear()
  assert.deepEqual(look(), [['plan.nodes-excluded', ['b']]])
})

it('tells how many, and the names of some', () => {
  const names = Array.from({ length: 30 }, (_, index) => `n${index}`)
  const { nodes, progress, fleet } = build(names)
  nodes.clear()
  const [told] = new PresenceWatch(progress).look(fleet.now())
  assert.equal(told?.details?.count, 30)
  assert.deepEqual(told?.details?.nodes, names.slice(0, 20))
  assert.match(told?.message ?? '', /^30 nodes are away/)
})

it('the version of the fleet grows when somebody comes, goes or moves, and only then', () => {
  const { clock, nodes, set, fleet } = build(['a'])
  const grew =
    (what: string, expected: boolean, before = fleet.now().version) =>
    (change: () => void) => {
      change()
      assert.equal(fleet.now().version > before, expected, what)
    }
  grew('a heartbeat', false)(() => set('a', 'ready', { inventory: null, lastSeenAt: new Date(1).toISOString() }))
  grew('one comes', true)(() => set('b', 'ready'))
  grew('one is lost', false)(() => set('b', 'lost'))
  grew('one is lost for long', true)(() => clock.advance(PATIENCE_MS))
  grew('it is back', true)(() => set('b', 'ready'))
  grew('it is in another rack', true)(() => set('b', 'ready', { rack: 'r9' }))
  grew('it is in another zone', true)(() => set('b', 'ready', { rack: 'r9', zone: 'z9' }))
  grew('it is in an aggregate', true)(() => set('b', 'ready', { rack: 'r9', zone: 'z9', aggregates: ['gpu'] }))
  grew('one goes', true)(() => nodes.delete('b'))
})
