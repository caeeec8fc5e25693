import { generateKeyPairSync } from 'node:crypto'
import { type BootBlocks, type Digest, decodeBootBlocks, ManualClock, silentLogger } from '@shoal/core'
import { writeBootProfile } from '@shoal/qcow2'
import { createMemoryState, type StateStore } from '@shoal/state'
import type { Trace } from '../../src/boot-profiles/block-trace.ts'
import { BootProfiles } from '../../src/boot-profiles/boot-profiles.ts'
import { Catalogue } from '../../src/images/catalogue.ts'
import type { LayerTask } from '../../src/layers/layer-task.ts'
import type { LayerWorker } from '../../src/layers/layer-worker.ts'
import { buildLayerRecord, layerDigest } from '../nodes/known-layers.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const BLOCK_BYTES = 131_072
export const DISK_BYTES = 2 ** 30
export const [BASE, MIDDLE, OTHER_MIDDLE, OTHER_BASE] = [1, 2, 3, 4].map(layerDigest) as [
  Digest,
  Digest,
  Digest,
  Digest,
]
/** Of an image that boots from base and middle. */
export const IMAGE = imageId(1)

export function imageId(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
}

export interface FixtureOptions {
  readonly state?: StateStore
  readonly clock?: ManualClock
  readonly recordings?: number
}

/**
 * Boot profiles over layers that are never read: a boot that touches the guest's block n (of 128 KiB) is said to read
 * block n of the base, or of the middle where n is 1000 or more.
 */
export async function openProfiles({
  state = createMemoryState(),
  clock = new ManualClock(1e12),
  recordings = 5,
}: FixtureOptions = {}) {
  const catalogue = new Catalogue(state)
  await catalogue.open()
  /** What the workers were asked, and what holds them up. */
  const tasks: LayerTask[] = []
  const worker = { gate: Promise.resolve() }
  const run = async (task: LayerTask): Promise<Trace> => {
    tasks.push(task)
    await worker.gate
    if (task.type !== 'boot-trace') throw new TypeError(task.type)
    const isSingle = task.cuts.length === 1
    return task.touches.flatMap(([offset, length]): Trace => {
      const first = Math.floor(offset / BLOCK_BYTES)
      const isMiddle = first >= 1000
      if (isMiddle && isSingle) return []
      return [[isMiddle ? 1 : 0, isMiddle ? first - 1000 : first, Math.ceil(length / BLOCK_BYTES)]]
    })
  }
  const startWorker = () => ({ run, [Symbol.asyncDispose]: async () => {} }) as unknown as LayerWorker
  const store = {
    get: () => ({ isComplete: true, path: '/nowhere', manifest: { format: 'qcow2' } }) as never,
  }
  const profiles = new BootProfiles(
    { state, catalogue, clock, store, startWorker, logger: silentLogger },
    { privateKey: () => privateKey, recordings },
  )
  const known = { state, clock, catalogue, profiles, tasks, worker }
  return {
    ...known,
    open: () => profiles.open(),
    /** Says from what an image boots, the base first. */
    async know(
      image: string,
      chain: readonly [Digest] | readonly [Digest, Digest],
      change: { deletedAt?: string } = {},
    ) {
      const about = { sizeBytes: 2048 * BLOCK_BYTES, virtualSizeBytes: DISK_BYTES, blockLengthBytes: BLOCK_BYTES }
      const layers = chain.map((digest, index) => {
        const parent = index === 0 ? null : (chain[0] ?? null)
        return catalogue.putLayer(buildLayerRecord(digest, { ...about, parent, kind: index === 0 ? 'base' : 'middle' }))
      })
      const record = {
        ...{
          layer: chain.at(-1),
          chain,
          import: null,
          inspection: null,
          layering: null,
          signature: null,
          deletedAt: null,
        },
        image: { id: image, status: change.deletedAt === undefined ? 'active' : 'deleted' },
        ...change,
      }
      await state.batch([...layers, catalogue.putImage(record as never)])
    },
    blocks(image: string): BootBlocks | undefined {
      const encoded = profiles.blocks(image)
      return encoded && decodeBootBlocks(encoded, [publicKey])
    },
    /** The order of an image's profile, as guests' blocks. */
    order(image: string): number[] {
      return (this.blocks(image)?.runs ?? []).flatMap(({ digest, firstBlock, blocks }) => {
        const from = digest === BASE || digest === OTHER_BASE ? firstBlock : firstBlock + 1000
        return Array.from({ length: blocks }, (_, index) => from + index)
      })
    },
    record(image: string, guestBlocks: readonly number[], node = 'n1') {
      return profiles.record(node, { image, profile: recordingOf(image, guestBlocks) })
    },
  }
}

/** What a boot reads that touches these blocks of its disk. */
export function recordingOf(recordedOn: string, guestBlocks: readonly number[], virtualSizeBytes = DISK_BYTES): string {
  const reads = guestBlocks.map((block, index) => ({ offset: block * BLOCK_BYTES, length: 4096, milliseconds: index }))
  return writeBootProfile({ recordedOn, virtualSizeBytes, reads })
}
