import type { KeyObject } from 'node:crypto'
import { type Digest, decodeManifest } from '@shoal/core'
import type { LayerDescription } from '@shoal/layer-store'
import { peerError } from './errors.ts'
import type { SeedLink } from './seed-link.ts'

/**
 * Fetches what describes a layer. The manifest must be signed by a trusted key and be that of this very layer; the torrent is
 * checked against the manifest when the swarm is joined. Throws `SHOAL_MANIFEST_SIGNATURE`, `SHOAL_MANIFEST_INVALID`,
 * `SHOAL_PEER_LAYER_MISMATCH` and the client's errors.
 */
export async function fetchLayer(
  seed: SeedLink,
  digest: Digest,
  options: { trustedKeys: readonly KeyObject[]; signal: AbortSignal },
): Promise<LayerDescription> {
  const call = { params: { layer: digest }, signal: options.signal }
  const encodedManifest = await seed.call((client) => client.getManifest(call))
  const manifest = decodeManifest(encodedManifest, options.trustedKeys)
  if (manifest.digest !== digest) {
    throw peerError('SHOAL_PEER_LAYER_MISMATCH', { layer: digest, found: manifest.digest })
  }
  return { manifest, encodedManifest, torrent: await seed.call((client) => client.getTorrent(call)) }
}
