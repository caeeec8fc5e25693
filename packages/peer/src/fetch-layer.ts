import { type Digest, decodeManifest } from '@shoal/core'
import type { LayerDescription } from '@shoal/layer-store'
import { peerError } from './errors.ts'
import type { SeedLink } from './seed-link.ts'
import { decodeTrusted, type SignatureTrust } from './signature-trust.ts'
import type { LayerGrants } from './trust/layer-grants.ts'

/** When the manifests were made that this node took; it remembers that when the layers are gone. */
export interface ManifestTimes {
  /** Of the newest one of a layer; milliseconds since the epoch. */
  manifestTime(digest: Digest): Promise<number | undefined>
  saveManifestTime(digest: Digest, at: number): Promise<void>
}

/**
 * Fetches what describes a layer, and a grant of it. The manifest must be signed by a trusted key, be that of this very layer, and not be older than one that was taken before; the torrent is
 * checked against the manifest when the swarm is joined. Throws `SHOAL_MANIFEST_SIGNATURE`, `SHOAL_MANIFEST_INVALID`,
 * `SHOAL_PEER_LAYER_MISMATCH`, `SHOAL_PEER_MANIFEST_ROLLBACK`, `SHOAL_PEER_GRANT` and the client's errors.
 */
export async function fetchLayer(
  seed: SeedLink,
  digest: Digest,
  options: {
    trust: SignatureTrust
    taken: ManifestTimes
    /** Where layers are given for a grant only. */
    grants?: Pick<LayerGrants, 'obtain'> | undefined
    signal: AbortSignal
  },
): Promise<LayerDescription> {
  const call = { params: { layer: digest }, signal: options.signal }
  const encodedManifest = await seed.call((client) => client.getManifest(call))
  const manifest = await decodeTrusted(options.trust, (keys) => decodeManifest(encodedManifest, keys), options)
  if (manifest.digest !== digest) {
    throw peerError('SHOAL_PEER_LAYER_MISMATCH', { layer: digest, found: manifest.digest })
  }
  const { taken } = options
  const newest = await taken.manifestTime(digest)
  if (newest !== undefined && manifest.createdAt < newest) {
    const time = (at: number) => new Date(at).toISOString()
    const details = { layer: digest, offered: time(manifest.createdAt), taken: time(newest) }
    throw peerError('SHOAL_PEER_MANIFEST_ROLLBACK', details)
  }
  if (manifest.createdAt !== newest) await taken.saveManifestTime(digest, manifest.createdAt)
  const [torrent] = await Promise.all([
    seed.call((client) => client.getTorrent(call)),
    options.grants?.obtain(manifest, options),
  ])
  return { manifest, encodedManifest, torrent }
}
