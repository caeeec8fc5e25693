import type { LayerInventory } from '@shoal/api'
import type { Digest } from '@shoal/core'
import type { Catalogue, LayerRecord } from '../../src/images/catalogue.ts'

/** The digest of one of many layers. */
export function layerDigest(number: number): Digest {
  return `sha256:${number.toString(16).padStart(64, '0')}`
}

/** A catalogue of published bases, which tests may change. */
export function knownLayers(
  digests: Iterable<Digest>,
): Pick<Catalogue, 'layer'> & { layers: Map<string, LayerRecord> } {
  const layers = new Map<string, LayerRecord>()
  for (const digest of digests) layers.set(digest, buildLayerRecord(digest))
  return { layers, layer: (digest) => layers.get(digest) }
}

export function buildLayerRecord(digest: Digest, change: Partial<LayerRecord> = {}): LayerRecord {
  return {
    ...{ digest, parent: null, kind: 'base', format: 'qcow2', state: 'published', bootBytes: 0 },
    ...{ sizeBytes: 100, virtualSizeBytes: 1000, blockLengthBytes: 50, pieceLengthBytes: 50 },
    ...{ infoHash: digest.slice(-40), createdAt: '2026-01-01T00:00:00.000Z' },
    ...change,
  }
}

/** What a node tells of a layer of 100 bytes that it holds. */
export function buildHeld(digest: string, change: Partial<LayerInventory> = {}): LayerInventory {
  const counters = { fromOriginBytes: 0, fromPeersBytes: 0, uploadedBytes: 0, peers: 0, error: null }
  return { digest, state: 'complete', presentBytes: 100, sizeBytes: 100, ...counters, ...change }
}
