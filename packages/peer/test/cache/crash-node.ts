import { createCipheriv } from 'node:crypto'
import { join } from 'node:path'
import { type BootBlocks, type Digest, parseDigest, silentLogger, systemClock } from '@shoal/core'
import { createLayerStore } from '@shoal/layer-store'
import { openLevelState } from '@shoal/state'
import { NodeCache, type NodeCacheDeps } from '../../src/cache/node-cache.ts'
import { EventQueue } from '../../src/event-queue.ts'
import { LayerEvents } from '../../src/layer-events.ts'
import { LayerHolds } from '../../src/layer-holds.ts'
import { PeerRecords } from '../../src/peer-records.ts'
import { type LayerFixture, publishedLayer, signingKey } from '../layer-fixture.ts'

const MIB = 1024 ** 2
export const LIMIT_BYTES = 6 * MIB
/** Of every layer: at its beginning, or in the blocks that a profile names. */
const BOOT_BYTES = 256 * 1024
const BOOT_BLOCKS = [1, 4]
/** Every run takes the same time for the assignment, so that what was marked by one is understood by the next. */
export const ASSIGNED_AT = '2026-11-22T00:00:00.000Z'

/** Layers that every process knows: four bases of about 1 MiB, and a middle on each of the first two. */
export function knownLayers(): LayerFixture[] {
  const { privateKey } = signingKey()
  const bytes = (seed: number, length: number) => {
    return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(length))
  }
  const bases = [1, 2, 3, 4].map((seed) => publishedLayer(privateKey, bytes(seed, MIB + seed * 100_000)))
  const middles = bases.slice(0, 2).map(({ manifest }, index) => {
    return publishedLayer(privateKey, bytes(index + 10, 700_000), { parent: manifest.digest })
  })
  return [...bases, ...middles]
}

/** The cache of a node over a real store and real state, without a swarm. */
export async function openCrashNode(directory: string, options: Partial<Pick<NodeCacheDeps, 'fetchProfile'>> = {}) {
  const stack = new AsyncDisposableStack()
  const state = stack.use(await openLevelState(join(directory, 'state')))
  const layersPath = join(directory, 'layers')
  const store = stack.use(
    createLayerStore({ state, logger: silentLogger, clock: systemClock }, { directory: layersPath, durableMs: 5 }),
  )
  await store.open()
  const holds = new LayerHolds()
  const queue = new EventQueue({ state, logger: silentLogger })
  const events = new LayerEvents({
    queue,
    records: new PeerRecords({ state, logger: silentLogger }),
    clock: systemClock,
  })
  const cache = await NodeCache.open(
    {
      ...{ store, state, holds, events, clock: systemClock, logger: silentLogger },
      swarm: { leave: async () => {} },
      disks: () => [],
      assignedAt: () => ASSIGNED_AT,
      fetchProfile: options.fetchProfile ?? profileOf,
      onRoom: () => {},
      onLimit: () => {},
      onCorrupt: () => {},
    },
    {
      cache: {
        ...{ maxBytes: LIMIT_BYTES, maxShare: 1, minFreeBytes: 0, highWatermark: 1, lowWatermark: 0.9 },
        ...{ policy: 'worth', bootShare: 0.2, lastCopiesLast: true, scrubBytesPerSecond: null },
      },
      directory: layersPath,
    },
  )
  cache.setFacts(
    knownDigests().map((layer, index) => {
      const facts = { layer, useShare: 0.1, replicas: { rack: 1, zone: 0, elsewhere: 0 }, bootBytes: BOOT_BYTES }
      return index % 2 === 0 ? facts : { ...facts, bootProfile: { image: layer, revision: 1 } }
    }),
  )
  return { state, store, holds, cache, layersPath, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** Of an image that is named as its layer is. */
async function profileOf(image: string): Promise<BootBlocks> {
  const digest = parseDigest(image)
  const runs = BOOT_BLOCKS.map((firstBlock) => ({ digest, firstBlock, blocks: 1, score: 1 }))
  const layers = [{ digest, blockLengthBytes: 128 * 1024, blocks: 6 }]
  return { revision: 1, recordings: 1, createdAt: 0, layers, runs }
}

let digests: Digest[] | undefined

function knownDigests(): Digest[] {
  digests ??= knownLayers().map(({ manifest }) => manifest.digest)
  return digests
}
