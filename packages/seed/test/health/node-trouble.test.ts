import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LayerInventory } from '@shoal/api'
import { type NodeFacts, nodeTrouble } from '../../src/health/node-trouble.ts'
import { ProgressWatch } from '../../src/health/progress-watch.ts'
import { NOW, nodeFacts } from './facts-fixture.ts'

const moment = { now: NOW, medianRate: 1000 }
const codeOf = (changes: Partial<NodeFacts>) => nodeTrouble(nodeFacts(changes), moment)?.code ?? null

function layer(changes: Partial<LayerInventory> = {}): LayerInventory {
  return {
    ...{ digest: `sha256:${'a'.repeat(64)}`, state: 'fetching', presentBytes: 5, sizeBytes: 10 },
    ...{ fromOriginBytes: 0, fromPeersBytes: 0, uploadedBytes: 0, peers: 3, error: null },
    ...changes,
  }
}

test('a node that is well has no trouble, busy or not', () => {
  assert.equal(codeOf({}), null)
  assert.equal(codeOf({ layers: [layer()], downBytesPerSecond: 900, stillSince: NOW - 100 }), null)
})

test('what ails a node is told, the gravest first', () => {
  const still = { layers: [layer()], stillSince: NOW - 60_000 }
  assert.equal(codeOf({ ...still, state: 'lost', brokenSince: NOW - 1900 }), 'lost')
  assert.equal(codeOf({ ...still, brokenSince: NOW - 1900, state: 'unreachable' }), 'disconnected')
  assert.equal(codeOf({ ...still, state: 'unreachable' }), 'unreachable')
  assert.equal(codeOf({ layers: [layer({ state: 'failed' })] }), 'failed')
  assert.equal(codeOf(still), 'stuck')
  assert.equal(codeOf({ layers: [layer({ peers: 0 })], stillSince: NOW - 6000 }), 'no-source')
  assert.equal(codeOf({ layers: [layer()], downBytesPerSecond: 200 }), 'slow')
  assert.equal(codeOf({ usedBytes: 99 }), 'full')
})

test('nobody misses a node that was drained; one that still served is missed', () => {
  const gone = { state: 'lost', mode: 'draining' } as const
  assert.equal(codeOf({ ...gone, isDrained: true }), null)
  assert.equal(codeOf({ ...gone, isDrained: false }), 'lost')
  assert.equal(codeOf({ state: 'unreachable', mode: 'quarantined', isDrained: false }), null, 'nobody is to reach it')
})

test('a channel that has just broken, and a wait that is short, are no trouble yet', () => {
  assert.equal(codeOf({ brokenSince: NOW - 500 }), null)
  const seen = new Date(NOW - 1000).toISOString()
  assert.equal(codeOf({ brokenSince: NOW - 9000, lastSeenAt: seen }), null, 'it reported since then')
  assert.equal(codeOf({ layers: [layer({ peers: 0 })], stillSince: NOW - 2000 }), null)
  assert.equal(codeOf({ stillSince: NOW - 60_000 }), null, 'one that lacks nothing is not stuck')
})

test('the reason is told in words: when, and by whose word', () => {
  const lost = nodeTrouble(nodeFacts({ state: 'lost' }), moment)
  assert.equal(lost?.message, 'It sends no heartbeats; the last one came at 07:59:58 UTC.')
  const error = { code: 'SHOAL_STORE_NO_SPACE', message: 'The disk is full.', hint: 'Make room.', details: {} }
  const failed = nodeTrouble(nodeFacts({ layers: [layer({ state: 'failed', error })] }), moment)
  assert.equal(failed?.message, 'The disk is full.')
})

test('a watch knows since when something does not get on', () => {
  const watch = new ProgressWatch()
  watch.note('n1', 5, 1000)
  watch.note('n1', 5, 2000)
  assert.equal(watch.since('n1'), 1000)
  watch.note('n1', 6, 3000)
  assert.equal(watch.since('n1'), 3000)
  watch.note('n1', undefined, 4000)
  assert.equal(watch.since('n1'), undefined)
})
