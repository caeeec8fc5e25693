import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { SlowReason } from '@shoal/api'
import { NodeProgress } from '../../src/prefetch/node-progress.ts'
import { type SlowContext, slowReason } from '../../src/prefetch/slow-reason.ts'
import { buildHeld, layerDigest } from '../nodes/known-layers.ts'

const layer = layerDigest(1)
const error = { code: 'SHOAL_X', message: 'Disk full.', hint: 'Free some.', details: {} }

interface Trouble {
  readonly name: string
  readonly code: SlowReason
  readonly row?: (row: NodeProgress) => void
  readonly context?: Partial<SlowContext>
}

/** Everything that may hold a node up, what is told first first. */
const troubles: readonly Trouble[] = [
  { name: 'excluded', code: 'lost', row: (row) => (row.presence = 'excluded') },
  { name: 'lost', code: 'lost', row: (row) => (row.presence = 'lost') },
  { name: 'error', code: 'error', row: (row) => (row.error = error) },
  { name: 'gave up', code: 'error', row: (row) => (row.failedAt = 1) },
  { name: 'not before', code: 'not-before', context: { notBefore: '2026-01-01T00:00:00Z' } },
  { name: 'paused', code: 'paused', context: { isPaused: true } },
  { name: 'importing', code: 'importing', context: { toCome: new Set([layer]) } },
  { name: 'unreachable', code: 'unreachable', row: (row) => (row.presence = 'unreachable') },
  { name: 'its turn', code: 'queued', context: { nodeLimit: () => 0 } },
  { name: 'no peers', code: 'no-source', row: (row) => (row.peers = 0) },
  { name: 'limited', code: 'limited', context: { nodeLimit: () => 1100 } },
  { name: 'slow', code: 'slow-link', context: { medianRate: 2100 } },
]

function reasonOf(...chosen: Trouble[]) {
  const row = new NodeProgress()
  const held = new Map([[layer, buildHeld(layer, { state: 'fetching', presentBytes: 10, peers: 2 })]])
  row.update([[layer, 100]], held, { nowMs: 0, isEnded: () => false })
  row.bytesPerSecond = 1000
  const usual: SlowContext = {
    ...{
      isPaused: false,
      notBefore: null,
      ended: 'It had to make room.',
      toCome: new Set(),
      nodeLimit: () => null,
      medianRate: 1000,
    },
  }
  const context = Object.assign(usual, ...chosen.map(({ context = {} }) => context)) as SlowContext
  // The first has the last word where two would set the same.
  for (const { row: change } of chosen.toReversed()) change?.(row)
  return slowReason('n1', row, context)
}

it('a node that just takes its time has no reason', () => {
  assert.equal(reasonOf(), null)
})

for (const trouble of troubles) {
  it(`${trouble.name}: ${trouble.code}`, () => {
    const reason = reasonOf(trouble)
    assert.equal(reason?.code, trouble.code)
    assert.ok((reason?.message.length ?? 0) > 10)
  })
}

it('the first of two reasons is told', () => {
  for (const [index, first] of troubles.entries()) {
    for (const second of troubles.slice(index + 1)) {
      const bothLimit = first.context?.nodeLimit !== undefined && second.context?.nodeLimit !== undefined
      if (bothLimit) continue
      assert.equal(reasonOf(first, second)?.code, first.code, `${first.name} before ${second.name}`)
    }
  }
})

it('an error is told in its own words, and is cut', () => {
  assert.equal(
    reasonOf({ name: '', code: 'error', row: (row) => (row.error = error) })?.message,
    'Disk full. Free some.',
  )
  const long = { ...error, message: 'x'.repeat(5000) }
  assert.equal(reasonOf({ name: '', code: 'error', row: (row) => (row.error = long) })?.message.length, 1000)
})

it('a node that has not begun, though it could, waits for its turn', () => {
  const row = new NodeProgress()
  const held = new Map([[layer, buildHeld(layer, { state: 'waiting', presentBytes: 0, peers: 1 })]])
  row.update([[layer, 100]], held, { nowMs: 0, isEnded: () => false })
  const context = {
    isPaused: false,
    notBefore: null,
    ended: 'It had to make room.',
    toCome: new Set<never>(),
    nodeLimit: () => null,
    medianRate: 0,
  }
  assert.equal(slowReason('n1', row, context)?.code, 'queued')
})
