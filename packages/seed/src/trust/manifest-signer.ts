import type { KeyObject } from 'node:crypto'
import { MANIFEST_TRAILER_BYTES, manifestTrailer } from '@shoal/core'

interface Trailer {
  readonly privateKey: KeyObject
  readonly bytes: Uint8Array
}

/**
 * Gives manifests with the signature of the key that signs now, whichever signed them when they were made. What is on disk stays as it is: a
 * rotation writes nothing but its key.
 */
export class ManifestSigner {
  readonly #key: { readonly privateKey: KeyObject }
  /** By the manifest as it is stored: a signature takes as long as hashing it. */
  readonly #trailers = new WeakMap<Uint8Array, Trailer>()

  constructor(key: { readonly privateKey: KeyObject }) {
    this.#key = key
  }

  sign(encoded: Uint8Array): Uint8Array {
    const { privateKey } = this.#key
    const known = this.#trailers.get(encoded)
    const trailer =
      known?.privateKey === privateKey ? known : { privateKey, bytes: manifestTrailer(encoded, privateKey) }
    this.#trailers.set(encoded, trailer)
    return Buffer.concat([encoded.subarray(0, encoded.length - MANIFEST_TRAILER_BYTES), trailer.bytes])
  }
}
