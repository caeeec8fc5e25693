import { createCipheriv, createHash, generateKeyPairSync } from 'node:crypto'
import { Bitfield, blockCount, digestFromBytes, encodeManifest, type Manifest } from '@shoal/core'
import type { LayerDescription, StoredLayer } from '@shoal/layer-store'

/** A small layer with known content: what a test needs to create it, feed it and check it. */
export interface LayerFixture extends LayerDescription {
  readonly content: Buffer
  /** The bytes of blocks `first` to `end - 1` (one block by default). */
  block(first: number, end?: number): Buffer
}

const { privateKey } = generateKeyPairSync('ed25519')

/** A layer of pseudo-random content that depends on `seed` only; the last block is shorter unless the size is a multiple. */
export function layerFixture(
  options: { seed?: number; sizeBytes?: number; blockLengthBytes?: number } = {},
): LayerFixture {
  const { seed = 1, sizeBytes = 9 * 4096 + 1000, blockLengthBytes = 4096 } = options
  const content = pseudoRandomBytes(seed, sizeBytes)
  const geometry = { sizeBytes, blockLengthBytes, pieceLengthBytes: blockLengthBytes * 2 }
  const blockHashes = Buffer.alloc(blockCount(geometry) * 32)
  const block = (first: number, end = first + 1) => content.subarray(first * blockLengthBytes, end * blockLengthBytes)
  for (let index = 0; index < blockCount(geometry); index += 1) blockHashes.set(sha256(block(index)), index * 32)
  const manifest: Manifest = {
    ...geometry,
    digest: digestFromBytes(sha256(content)),
    parent: null,
    kind: 'base',
    format: 'raw',
    virtualSizeBytes: sizeBytes,
    createdAt: 1_700_000_000_000,
    infoHash: sha256(content).toString('hex').slice(0, 40),
    blockHashes,
  }
  const torrent = Buffer.from(`d4:infod6:lengthi${sizeBytes}eee`)
  return { manifest, encodedManifest: encodeManifest(manifest, privateKey), torrent, content, block }
}

function pseudoRandomBytes(seed: number, length: number): Buffer {
  const key = sha256(Buffer.from(String(seed))).subarray(0, 16)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length))
}

function sha256(data: Uint8Array): Buffer {
  return createHash('sha256').update(data).digest()
}

/** The layer that a child of the crash test writes: 1021 blocks. */
export const CRASH_LAYER = { seed: 77, sizeBytes: 1020 * 4096 + 77 } as const

/** The layer of which a child of the crash test keeps a part: 64 blocks, of which these stay. */
export const KEEP_LAYER = { seed: 78, sizeBytes: 63 * 4096 + 77 } as const
export const KEPT_BLOCKS = [2, 3, 4, 5, 6, 7, 8, 20, 21, 22, 30, 31, 32, 33, 34, 35, 36, 50, 51, 52]

/** Some blocks of a layer, as a set. */
export function blockSet({ present }: Pick<StoredLayer, 'present'>, blocks: Iterable<number>): Bitfield {
  const set = new Bitfield(present.length)
  for (const block of blocks) set.set(block)
  return set
}

/** So many blocks at the beginning of a layer. */
export function firstBlocks(layer: Pick<StoredLayer, 'present'>, count: number): Bitfield {
  return blockSet(layer, Array(count).keys())
}
