import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { LayerInventory, Node, NodeRegistration, Replicas } from '@shoal/api'
import { ManualClock } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import fc from 'fast-check'
import { EventJournal } from '../../src/events/event-journal.ts'
import { NodeRegistry } from '../../src/nodes/node-registry.ts'
import { buildHeld, layerDigest } from './known-layers.ts'

const NODES = ['n1', 'n2', 'n3', 'n4']
const LAYERS = [1, 2].map(layerDigest)
const LOST_MS = 3000

function registration(node: string, place: { zone: string; rack: string }): NodeRegistration {
  const number = NODES.indexOf(node) + 1
  const rest = { dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' }
  return { ...rest, ...place, swarmAddress: `10.0.0.${number}:1`, swarmPeerId: String(number).padStart(40, '0') }
}

function heartbeat(layers: LayerInventory[]) {
  const rates = { downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0 }
  return { inventory: { layers, diskFreeBytes: 1, diskUsedBytes: 1, ...rates }, events: [] }
}

/** The same from what the registry shows of every node. */
function recount(nodes: readonly Node[], layer: string, asking: Node): Replicas {
  const found = { rack: 0, zone: 0, elsewhere: 0 }
  for (const { id, state, zone, rack, inventory } of nodes) {
    const has = inventory?.layers.some((held) => held.digest === layer && held.state === 'complete')
    if (id === asking.id || state === 'lost' || !has) continue
    if (zone !== asking.zone) found.elsewhere += 1
    else found[rack === asking.rack ? 'rack' : 'zone'] += 1
  }
  return found
}

it('tells where else a layer is, over heartbeats, moves, losses, removals and restarts of the seed', async () => {
  const node = fc.constantFrom(...NODES)
  const place = fc.record({ zone: fc.constantFrom('z1', 'z2'), rack: fc.constantFrom('r1', 'r2') })
  const layers = fc.subarray(LAYERS)
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ type: fc.constant('register' as const), node, place }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('beat' as const), node, layers }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('remove' as const), node }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('pass' as const) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('reopen' as const) }) },
  )
  let told = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const clock = new ManualClock(1_000_000)
      const state = createMemoryState()
      const journal = new EventJournal({ state, clock }, { limit: 100 })
      await journal.open()
      const open = async () => {
        const check = async () => ({ reachable: true, message: '' })
        const times = { heartbeatIntervalMs: LOST_MS / 3, lostAfterHeartbeats: 3, reachabilityIntervalMs: 1000 }
        const options = { ...times, reachabilityTimeoutMs: 1000, limit: 10 }
        const registry = new NodeRegistry({ state, journal, clock, check }, options)
        await registry.open()
        return registry
      }
      let registry = await open()
      for (const step of steps) {
        if (step.type === 'register') await registry.register(step.node, registration(step.node, step.place))
        else if (step.type === 'reopen') registry = await open()
        else if (step.type === 'pass') {
          clock.advance(LOST_MS - 1000)
          await registry.markLost()
        } else if (!registry.has(step.node)) continue
        else if (step.type === 'remove') await registry.remove(step.node, [])
        else await registry.heartbeat(step.node, heartbeat(step.layers.map((layer) => buildHeld(layer))))
        const nodes = registry.list()
        for (const asking of nodes.filter((one) => one.state !== 'lost')) {
          for (const layer of LAYERS) {
            const replicas = registry.replicas(layer, asking.id)
            assert.deepEqual(replicas, recount(nodes, layer, asking))
            told += replicas.rack + replicas.zone + replicas.elsewhere
          }
        }
      }
    }),
    { numRuns: 100 },
  )
  assert.ok(told > 0)
})
