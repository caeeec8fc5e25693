// Child of crash.test.ts: fetches, uses, pins and evicts layers at random until it is killed. A line says what is pinned
// from then on, or may be no more.
import { writeSync } from 'node:fs'
import { seededRandom } from '@shoal/core'
import type { LayerFixture } from '../layer-fixture.ts'
import { knownLayers, openCrashNode } from './crash-node.ts'

const [directory = '', seed = '1'] = process.argv.slice(2)
const random = seededRandom(Number(seed))
const layers = knownLayers()
const { store, cache } = await openCrashNode(directory)
writeSync(1, 'open\n')

for (;;) {
  const layer = layers[Math.floor(random() * layers.length)]
  if (layer === undefined) continue
  const { digest, sizeBytes } = layer.manifest
  const what = random()
  try {
    if (what < 0.6) await fetch(layer)
    else if (what < 0.75) cache.uses.used(digest, sizeBytes)
    else if (what < 0.85) await cache.evict({ bytes: Math.floor(random() * 2_000_000) })
    else if (what < 0.9) await cache.evict({ layer: digest })
    else if (what < 0.95) await pin(layer)
    else await unpin(layer)
  } catch (error) {
    if (!String((error as { code?: unknown }).code).startsWith('SHOAL_CACHE_')) throw error
  }
}

/** As the reconciler does it: a base first, room before anything is stored, and a part of the blocks at a time. */
async function fetch(layer: LayerFixture): Promise<void> {
  const { manifest, data } = layer
  const base = layers.find((one) => one.manifest.digest === manifest.parent)
  if (base !== undefined && !store.get(base.manifest.digest)?.isComplete) await fetch(base)
  await cache.room.reserve(manifest)
  try {
    const stored = await store.create(layer)
    const { blockLengthBytes } = manifest
    for (const block of [...stored.present.zeros()]) {
      await stored.writeBlocks(block, data.subarray(block * blockLengthBytes, (block + 1) * blockLengthBytes))
    }
    cache.uses.used(manifest.digest, manifest.sizeBytes)
  } finally {
    cache.room.end(manifest.digest)
  }
}

async function pin({ manifest: { digest } }: LayerFixture): Promise<void> {
  if (!store.get(digest)?.isComplete) return
  await store.get(digest)?.flush()
  await cache.pin(digest, { owner: 'test' })
  if (store.get(digest)?.isComplete) writeSync(1, `pinned ${digest}\n`)
}

async function unpin({ manifest: { digest } }: LayerFixture): Promise<void> {
  // Told before: it may be gone or not when this is killed.
  writeSync(1, `unpinning ${digest}\n`)
  await cache.unpin(digest, 'test')
}
