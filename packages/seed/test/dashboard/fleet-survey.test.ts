import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Inventory, LayerInventory, Node } from '@shoal/api'
import { FleetSurvey } from '../../src/dashboard/fleet-survey.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`
const MINUTE_MS = 60_000

function inventory(changes: Partial<LayerInventory> = {}): Inventory {
  const layer = { digest: DIGEST, state: 'fetching', presentBytes: 5, sizeBytes: 10, peers: 3, error: null } as const
  return {
    layers: [{ ...layer, fromOriginBytes: 0, fromPeersBytes: 0, uploadedBytes: 0, ...changes }],
    ...{ diskFreeBytes: 1, diskUsedBytes: 95, downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0 },
  }
}

function node(id: string, held: Inventory | null, state: Node['state'] = 'ready'): Node {
  const place = { zone: '', rack: '', reachability: '', lastSeenAt: '2026-01-01T00:00:00Z', capacityBytes: 100 }
  const mode = { mode: 'active', reason: '', isDrained: false }
  return { id, state, mode, inventory: held, ...place } as Node
}

function survey(nodes: readonly Node[], moving: { isMoving: boolean } = { isMoving: true }) {
  return new FleetSurvey({
    registry: { list: () => [...nodes] },
    channels: { brokenSince: () => undefined },
    assignments: { mayMove: () => moving.isMoving },
  })
}

test('a node that gets nothing for long is stuck; one whose plan is paused, or that nobody asks any more, is not', () => {
  const moving = { isMoving: true }
  const held = inventory()
  const seen = survey([node('n1', held)], moving)
  seen.note('n1', held, 0)
  assert.deepEqual(seen.take(MINUTE_MS).troubled, { stuck: ['n1'] })
  moving.isMoving = false
  assert.deepEqual(seen.take(MINUTE_MS).troubled, {})
  seen.note('n1', held, MINUTE_MS)
  // It goes on: time counts from now.
  moving.isMoving = true
  seen.note('n1', held, 2 * MINUTE_MS)
  assert.deepEqual(seen.take(2 * MINUTE_MS + 1000).troubled, {})
  assert.deepEqual(seen.take(3 * MINUTE_MS).troubled, { stuck: ['n1'] })
})

test('sums are those of all nodes; boots of lost nodes are not served', () => {
  const reads = {
    reads: 0,
    readBytes: 0,
    waitingReads: 0,
    onDemandBytes: 0,
    stalls: 0,
    longestWaitMs: 0,
    firstReadAt: null,
  }
  const boot = {
    name: 'vm',
    image: null,
    state: 'ready',
    problem: null,
    presentBytes: 1,
    totalBytes: 2,
    reads,
  } as const
  const boots = [{ ...boot, preparedAt: '2026-01-01T00:00:00Z' }]
  const busy = { ...inventory(), downBytesPerSecond: 10_000, boots }
  const { sums, rows, boots: served } = survey([node('n1', busy), node('n2', busy, 'lost'), node('n3', null)]).take(0)
  assert.deepEqual(
    served.map(({ id }) => id),
    ['n1/vm'],
  )
  assert.equal(sums.downBytesPerSecond, 10_000)
  assert.equal(sums.fetching, 1, 'one that is lost fetches nothing')
  assert.equal(sums.full, 2)
  assert.equal(sums.usedBytes, 190)
  assert.deepEqual(
    rows.map(({ fetching, presentBytes, wantedBytes }) => [fetching, presentBytes, wantedBytes]),
    [
      [1, 5, 10],
      [1, 5, 10],
      [0, 0, 0],
    ],
  )
})
