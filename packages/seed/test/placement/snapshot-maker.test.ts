import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Digest } from '@shoal/core'
import { SnapshotMaker } from '../../src/placement/snapshot-maker.ts'
import { layerDigest } from '../nodes/known-layers.ts'
import { decodeScores } from './decode-scores.ts'
import { buildHolding, buildLayer, SIZE, type SimulatedNode, simulateCaches } from './simulated-caches.ts'

const [BASE, MIDDLE, FILE] = [1, 2, 3].map(layerDigest) as [Digest, Digest, Digest]
const HIGHEST = 255

/** Scores of nodes for an image that is booted from two layers, and whose own file is a third. */
async function scoresOf(nodes: readonly SimulatedNode[]): Promise<Record<string, number>> {
  const { caches } = simulateCaches(nodes)
  const image = { id: 'image', status: 'active', sizeBytes: SIZE }
  const record = { image, deletedAt: null, chain: [BASE, MIDDLE], layer: FILE }
  const catalogue = { images: () => [record], layer: (digest: Digest) => buildLayer(digest) }
  const deps = { caches, catalogue, popularity: { share: () => 0 } }
  const body = await new SnapshotMaker(deps as unknown as ConstructorParameters<typeof SnapshotMaker>[0]).make()
  const names = JSON.parse(body?.nodes ?? '[]') as string[]
  const encoded = JSON.parse(`{${body?.images.join(',')}}`)
  const scores = encoded.image === undefined ? [] : decodeScores(encoded.image, names.length)
  return Object.fromEntries(names.map((name, number) => [name, scores[number] ?? 0]))
}

it("a node with the image's own file has all of it, as one with base and middle has", async () => {
  const scores = await scoresOf([
    { id: 'file', layers: [buildHolding(FILE)], rack: 'r1' },
    { id: 'chain', layers: [buildHolding(BASE), buildHolding(MIDDLE)], rack: 'r2' },
    { id: 'both', layers: [buildHolding(BASE), buildHolding(FILE)], rack: 'r3' },
    { id: 'none', rack: 'r4', zone: 'z2' },
  ])
  assert.deepEqual([scores.file, scores.chain, scores.both], [HIGHEST, HIGHEST, HIGHEST])
  assert.ok((scores.none ?? 0) < HIGHEST / 4)
})

it('a part of the file counts as that part, which does not add to what is there of the chain', async () => {
  const halfOfFile = buildHolding(FILE, SIZE / 2)
  const scores = await scoresOf([
    { id: 'half', layers: [halfOfFile], rack: 'r1' },
    { id: 'base', layers: [buildHolding(BASE)], rack: 'r2' },
    { id: 'half and base', layers: [halfOfFile, buildHolding(BASE)], rack: 'r3' },
  ])
  assert.equal(scores['half and base'], Math.max(scores.half ?? 0, scores.base ?? 0))
  assert.ok((scores.half ?? 0) >= HIGHEST / 2)
})
