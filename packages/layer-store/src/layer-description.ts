import { webcrypto } from 'node:crypto'
import { blockCount } from '@shoal/core'
import type { LayerDescription } from './layer-store.ts'

/** Throws a TypeError for a manifest whose hashes do not fit its size: no block could ever be checked. */
export function checkDescription({ manifest }: LayerDescription): void {
  if (manifest.blockHashes.length !== blockCount(manifest) * 32) {
    throw new TypeError(`${manifest.blockHashes.length} bytes of hashes for ${blockCount(manifest)} blocks`)
  }
}

/** SHA-256, hexadecimal, of the files beside a layer's disk. */
export interface DescriptionSums {
  readonly manifest: string
  readonly hashes: string
  readonly torrent: string
}

/** What the files beside a layer's disk must hold. */
export async function descriptionSums(description: LayerDescription): Promise<DescriptionSums> {
  const [manifest, hashes, torrent] = await Promise.all([
    sha256Hex(description.encodedManifest),
    sha256Hex(description.manifest.blockHashes),
    sha256Hex(description.torrent),
  ])
  return { manifest, hashes, torrent }
}

/** SHA-256 in libuv's thread pool: a manifest's hashes can be 128 MiB. */
export async function sha256Hex(data: Uint8Array): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', data as Uint8Array<ArrayBuffer>)).toString('hex')
}
