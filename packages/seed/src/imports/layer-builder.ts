import type { KeyObject } from 'node:crypto'
import { type Digest, digestFromBytes, digestHex, encodeManifest, type Geometry, type Manifest } from '@shoal/core'
import { encodeTorrent } from '@shoal/swarm'
import type { Inspection } from '../inspect/inspect-image.ts'
import type { HashResult } from './hash-worker.ts'

/** A layer ready to be adopted by the store. */
export interface BuiltLayer {
  readonly manifest: Manifest
  readonly encodedManifest: Uint8Array
  readonly torrent: Uint8Array
}

/** Builds the signed manifest and the torrent of a base layer from the hashes of its bytes. */
export function buildLayer(
  hashes: HashResult,
  options: {
    geometry: Geometry
    inspection: Inspection
    announce: readonly string[]
    privateKey: KeyObject
    createdAt: number
  },
): BuiltLayer {
  const { geometry, inspection, announce, privateKey, createdAt } = options
  const digest: Digest = digestFromBytes(hashes.sha256)
  const { torrent, infoHash } = encodeTorrent({
    name: `${digestHex(digest)}.${inspection.format}`,
    sizeBytes: geometry.sizeBytes,
    pieceLengthBytes: geometry.pieceLengthBytes,
    pieceHashes: hashes.pieceHashes,
    announce: [...announce],
  })
  const manifest: Manifest = {
    ...geometry,
    digest,
    parent: null,
    kind: 'base',
    format: inspection.format,
    virtualSizeBytes: inspection.virtualSizeBytes,
    createdAt,
    infoHash,
    blockHashes: hashes.blockHashes,
  }
  return { manifest, encodedManifest: encodeManifest(manifest, privateKey), torrent }
}
