import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Digest, MIN_TRANSFER_BYTES_PER_SECOND, steadyClock, TransferLimits } from '@shoal/core'
import type { SwarmLayer } from '@shoal/swarm'
import { buildLayer, layerBuffers, startSwarm, storeLayer } from './layer-fixture.ts'

const KIB = 1024
const LAYERS = 50
const LAYER_BYTES = 1024 * KIB
/** Ten blocks of each layer a second. */
const RATE = LAYERS * 640 * KIB
const SOURCES = 4
const POLL_MS = 10
const LIMIT = { timeout: 30_000 }

const described = Array.from({ length: LAYERS }, (_, index) => buildLayer(LAYER_BYTES + index * KIB))

/** Sources that hold all layers, and one node that has joined all of them and is connected to the sources; next to nothing flows yet. */
async function joinAll(t: { after(fn: () => Promise<void>): void }, subnet: string) {
  const sources = await Promise.all(
    Array.from({ length: SOURCES }, (_, index) => {
      const role = index === 0 ? 'origin' : 'peer'
      return startSwarm(t, { role, node: `source${index}`, host: `${subnet}.${index + 1}` })
    }),
  )
  const complete = await Promise.all(described.map(({ description, data }) => storeLayer(description, data)))
  await Promise.all(sources.flatMap((source) => complete.map((layer) => source.join(layer))))
  const limits = new TransferLimits(steadyClock, { downBytesPerSecond: MIN_TRANSFER_BYTES_PER_SECOND })
  const node = await startSwarm(t, { role: 'peer', node: 'n', host: `${subnet}.9`, limits })
  const completed = new Set<Digest>()
  node.on('complete', ({ digest }) => completed.add(digest))
  const layers = await Promise.all(described.map(({ description }) => storeLayer(description)))
  for (const layer of layers) (await node.join(layer)).addPeers(sources.map(({ address }) => address))
  await until(() => node.stats().connections === LAYERS * SOURCES)
  return { layers, limits, completed }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(POLL_MS)
}

test('50 layers from 4 sources arrive whole over 200 connections, and every buffer comes back', LIMIT, async (t) => {
  const { layers, limits, completed } = await joinAll(t, '127.0.82')
  limits.set({ downBytesPerSecond: null })
  await until(() => completed.size === LAYERS)
  for (const [index, layer] of layers.entries()) {
    const { data } = described[index] ?? { data: Buffer.alloc(0) }
    assert.ok(data.equals(await layer.read(0, data.length)), `layer ${index}`)
  }
  await until(() => layerBuffers.usedCount === 0)
})

test('under a limit of the node all layers come along alike', LIMIT, async (t) => {
  const { layers, limits } = await joinAll(t, '127.0.83')
  limits.set({ downBytesPerSecond: RATE })
  const received = () => layers.map(({ presentBytes }: SwarmLayer) => presentBytes)
  const mean = () => received().reduce((sum, bytes) => sum + bytes, 0) / LAYERS
  await until(() => mean() > LAYER_BYTES / 2)
  const share = Math.min(...received()) / mean()
  assert.ok(share > 0.5, `the slowest has ${share.toFixed(2)} of the mean`)
})
