import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import {
  Bitfield,
  BlockBuffers,
  blockCount,
  blockSize,
  chooseGeometry,
  digestFromBytes,
  encodeManifest,
  encodePublicKey,
  type Manifest,
  pieceCount,
} from '@shoal/core'
import type { LayerDescription, StoredLayer } from '@shoal/layer-store'
import { encodeTorrent } from '@shoal/swarm'

export interface LayerFixture extends LayerDescription {
  readonly data: Buffer
}

/** A seed's signing key, and its public half as the API shows it. */
export function signingKey(): { privateKey: KeyObject; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return { privateKey, publicKey: encodePublicKey(publicKey) }
}

/** A published layer of random bytes. */
export function layerFixture(privateKey: KeyObject, options: { sizeBytes: number }): LayerFixture {
  return publishedLayer(privateKey, randomBytes(options.sizeBytes))
}

/** A published layer of these bytes: a raw base unless something else is said. */
export function publishedLayer(
  privateKey: KeyObject,
  data: Buffer,
  about: Partial<Pick<Manifest, 'parent' | 'format' | 'virtualSizeBytes'>> = {},
): LayerFixture {
  const { parent = null, format = 'raw', virtualSizeBytes = data.length } = about
  const geometry = chooseGeometry(data.length)
  const hashes = (algorithm: string, count: number, length: number) =>
    Buffer.concat(
      Array.from({ length: count }, (_, index) =>
        createHash(algorithm)
          .update(data.subarray(index * length, (index + 1) * length))
          .digest(),
      ),
    )
  const digest = digestFromBytes(createHash('sha256').update(data).digest())
  const { torrent, infoHash } = encodeTorrent({
    name: digest,
    sizeBytes: data.length,
    pieceLengthBytes: geometry.pieceLengthBytes,
    pieceHashes: hashes('sha1', pieceCount(geometry), geometry.pieceLengthBytes),
    announce: [],
  })
  const manifest: Manifest = {
    ...geometry,
    digest,
    parent,
    kind: parent === null ? 'base' : 'middle',
    format,
    virtualSizeBytes,
    createdAt: 1_700_000_000_000,
    infoHash,
    blockHashes: hashes('sha256', blockCount(geometry), geometry.blockLengthBytes),
  }
  return { data, manifest, encodedManifest: encodeManifest(manifest, privateKey), torrent }
}

/** A layer of which every block is said to be there and none is right. */
export function pretending(layer: LayerDescription): StoredLayer {
  const present = new Bitfield(blockCount(layer.manifest))
  present.setAll()
  const buffers = new BlockBuffers({ count: 8 })
  return {
    ...layer,
    path: '',
    present,
    durableBlocks: present.count,
    presentBytes: layer.manifest.sizeBytes,
    isComplete: true,
    buffers,
    writeBlocks: async () => {},
    writeBlock: async () => {},
    readBlock: async (block) => {
      const buffer = buffers.acquire()
      if (buffer === undefined) throw new Error('no buffer is free')
      buffer.payload(blockSize(layer.manifest, block)).fill(0xee)
      return buffer
    },
    read: async (_offset, length) => Buffer.alloc(length, 0xee),
    allocatedBytes: async () => 0,
    keep: async () => {},
    flush: async () => {},
    verify: async () => ({ checkedBlocks: 0, badBlocks: [], digestMatches: false }),
  }
}
