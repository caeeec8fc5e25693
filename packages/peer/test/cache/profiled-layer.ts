import { randomBytes } from 'node:crypto'
import { type BootBlocks, blockCount, encodeBootBlocks } from '@shoal/core'
import { publishedLayer, signingKey } from '../layer-fixture.ts'

const MIB = 1024 ** 2
export const IMAGE = '6f0c2c1e-0000-4000-8000-000000000001'
/** Of 32 blocks, in ascending order. */
export const BOOT_BLOCKS = [3, 9, 10, 20, 21, 22, 31]

/** A layer of 4 MiB, what a boot reads of it as the seed signs it, and what the seed says of it to caches. */
export function profiledLayer(key = signingKey()) {
  const layer = publishedLayer(key.privateKey, randomBytes(4 * MIB))
  const { manifest } = layer
  const { digest, blockLengthBytes } = manifest
  const run = (firstBlock: number, blocks: number) => ({ digest, firstBlock, blocks, score: 1 })
  const profile: BootBlocks = {
    ...{ revision: 4, recordings: 2, createdAt: 0 },
    layers: [{ digest, blockLengthBytes, blocks: blockCount(manifest) }],
    // In the order of a boot.
    runs: [run(20, 3), run(31, 1), run(9, 2), run(3, 1)],
  }
  const bootBytes = BOOT_BLOCKS.length * blockLengthBytes
  const facts = {
    ...{ useShare: 0, replicas: { rack: 0, zone: 0, elsewhere: 0 }, bootBytes },
    bootProfile: { image: IMAGE, revision: profile.revision },
  }
  /** The file of which only that is left. */
  const left = Buffer.alloc(layer.data.length)
  for (const block of BOOT_BLOCKS) layer.data.copy(left, block * blockLengthBytes, ...bounds(block, blockLengthBytes))
  return {
    ...{ key, layer, digest, blockLengthBytes, facts, bootBytes, left },
    encoded: encodeBootBlocks(profile, key.privateKey),
  }
}

function bounds(block: number, length: number): [number, number] {
  return [block * length, (block + 1) * length]
}
