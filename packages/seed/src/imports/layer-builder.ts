import type { KeyObject } from 'node:crypto'
import {
  type Digest,
  digestFromBytes,
  digestHex,
  encodeManifest,
  type Geometry,
  type LayerFormat,
  type Manifest,
} from '@shoal/core'
import { encodeTorrent } from '@shoal/swarm'
import type { HashResult } from './hash-worker.ts'

/** A layer ready to be adopted by the store. */
export interface BuiltLayer {
  readonly manifest: Manifest
  readonly encodedManifest: Uint8Array
  readonly torrent: Uint8Array
}

/** Builds the signed manifest and the torrent of a layer from the hashes of its bytes. */
export function buildLayer(
  hashes: HashResult,
  options: {
    geometry: Geometry
    /** Of the image as it was inspected. */
    format: LayerFormat
    virtualSizeBytes: number
    /** The base below a middle. */
    parent?: Digest | undefined
    announce: readonly string[]
    privateKey: KeyObject
    createdAt: number
  },
): BuiltLayer {
  const { geometry, format, virtualSizeBytes, parent = null, announce, privateKey, createdAt } = options
  const digest: Digest = digestFromBytes(hashes.sha256)
  const { torrent, infoHash } = encodeTorrent({
    name: `${digestHex(digest)}.${format}`,
    sizeBytes: geometry.sizeBytes,
    pieceLengthBytes: geometry.pieceLengthBytes,
    pieceHashes: hashes.pieceHashes,
    announce: [...announce],
  })
  const manifest: Manifest = {
    ...geometry,
    digest,
    parent,
    kind: parent === null ? 'base' : 'middle',
    format,
    virtualSizeBytes,
    createdAt,
    infoHash,
    blockHashes: hashes.blockHashes,
  }
  return { manifest, encodedManifest: encodeManifest(manifest, privateKey), torrent }
}
