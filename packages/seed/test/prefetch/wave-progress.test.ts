import assert from 'node:assert/strict'
import { it } from 'node:test'
import { MAX_TOLD_WAVES } from '@shoal/api'
import type { Digest } from '@shoal/core'
import { NodeProgress } from '../../src/prefetch/node-progress.ts'
import type { PlanTargets } from '../../src/prefetch/plan-targets.ts'
import { waveProgress } from '../../src/prefetch/wave-progress.ts'
import { buildHeld, layerDigest } from '../nodes/known-layers.ts'

const [base, middle] = [layerDigest(1), layerDigest(2)]
const KB = 1000
/** Of 1000 kB each; a boot reads 100 of the base. */
const sizes = { sizeOf: () => 1000 * KB, bootBytesOf: (layer: Digest) => (layer === base ? 100 * KB : 0) }

/** Nodes that wait for 60 s and then hold so many kB of the base and of the middle. */
function build(nodes: Record<string, readonly [number, number]>) {
  const rows = new Map<string, NodeProgress>()
  const targets = new Map<string, { layers: Map<Digest, number>; vms: number; predictedFinishMs: null }>()
  for (const [node, held] of Object.entries(nodes)) {
    const row = new NodeProgress()
    const wanted: [Digest, number][] = [
      [base, 1000 * KB],
      [middle, 1000 * KB],
    ]
    const told = new Map(
      wanted.map(([layer, sizeBytes], index) => {
        const presentBytes = (held[index] ?? 0) * KB
        const state = presentBytes === sizeBytes ? 'complete' : 'fetching'
        return [layer, buildHeld(layer, { state, presentBytes, sizeBytes })]
      }),
    )
    row.update(wanted, new Map(), { nowMs: 0, isEnded: () => false })
    row.update(wanted, told, { nowMs: 60_000, isEnded: () => false })
    rows.set(node, row)
    const layers = new Map([
      [base, 1],
      [middle, 2],
    ])
    targets.set(node, { layers, vms: 0, predictedFinishMs: null })
  }
  return { rows, targets: targets as PlanTargets }
}

it('what boots read goes first, then the waves in their order, and a node is ready in each by itself', () => {
  const plan = build({ new: [40, 0], booting: [400, 0], done: [1000, 1000], middle: [1000, 250] })
  const waves = waveProgress(plan, sizes, 60_000)
  const told = waves.map(({ wave, nodes, nodesReady, wantedBytes, presentBytes }) => {
    return [wave, nodes, nodesReady, wantedBytes / KB, presentBytes / KB]
  })
  assert.deepEqual(told, [
    [0, 4, 3, 400, 340],
    [1, 4, 2, 3600, 2100],
    [2, 4, 1, 4000, 1250],
  ])
})

it('a wave ends with its slowest node, for which what is ahead of it goes first', () => {
  const plan = build({ slow: [40, 0], fast: [700, 0] })
  const [boot, rest, last] = waveProgress(plan, sizes, 60_000)
  const rate = (node: string) => plan.rows.get(node)?.bytesPerSecond ?? 0
  const at = (text: string | null | undefined) => Date.parse(text ?? '') - 60_000
  assert.ok(Math.abs(at(boot?.estimatedFinishAt) - ((60 * KB) / rate('slow')) * 1000) < 2)
  assert.ok(Math.abs(at(rest?.estimatedFinishAt) - ((960 * KB) / rate('slow')) * 1000) < 2)
  assert.ok(Math.abs(at(last?.estimatedFinishAt) - ((1960 * KB) / rate('slow')) * 1000) < 2)
})

it('nobody knows the end of a wave that a node waits for without a rate; one that is over has none', () => {
  const [boot, rest] = waveProgress(build({ still: [0, 0], fast: [700, 0] }), sizes, 60_000)
  assert.deepEqual([boot?.estimatedFinishAt, rest?.estimatedFinishAt], [null, null])
  const over = waveProgress(build({ done: [1000, 1000] }), sizes, 60_000)
  assert.deepEqual(
    over.map(({ nodesReady, estimatedFinishAt }) => [nodesReady, estimatedFinishAt]),
    [
      [1, null],
      [1, null],
      [1, null],
    ],
  )
  const away = build({ away: [0, 0], fast: [700, 0] })
  for (const row of away.rows.values()) if (row.bytesPerSecond === 0) row.presence = 'excluded'
  assert.notEqual(waveProgress(away, sizes, 60_000)[1]?.estimatedFinishAt, null)
})

it('of very many waves the first are told', () => {
  const rows = new Map<string, NodeProgress>()
  const layers = new Map(Array.from({ length: 80 }, (_, index) => [layerDigest(index + 1), 80 - index] as const))
  rows.set('a', new NodeProgress())
  const targets: PlanTargets = new Map([['a', { layers, vms: 0, predictedFinishMs: null }]])
  const waves = waveProgress({ rows, targets }, { ...sizes, bootBytesOf: () => 0 }, 0)
  assert.deepEqual([waves.length, waves[0]?.wave, waves.at(-1)?.wave], [MAX_TOLD_WAVES, 1, MAX_TOLD_WAVES])
})
