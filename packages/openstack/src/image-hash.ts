import { createHash, getHashes } from 'node:crypto'
import { openstackError } from './errors.ts'
import type { GlanceImage } from './glance-image.ts'

export interface ImageHash {
  /** Which one is computed, by OpenSSL's name. */
  readonly algorithm: string
  update(chunk: Uint8Array): void
  /** Ends it. Throws `SHOAL_GLANCE_HASH_MISMATCH`. */
  verify(): void
}

/** Python's hashlib names, as Glance's `hashing_algorithm` takes them, that OpenSSL spells otherwise. */
const OPENSSL_NAMES: Record<string, string> = {
  blake2b: 'blake2b512',
  blake2s: 'blake2s256',
  sha3_224: 'sha3-224',
  sha3_256: 'sha3-256',
  sha3_384: 'sha3-384',
  sha3_512: 'sha3-512',
}

/**
 * Checks an image's data against `os_hash_value`, or against the MD5 `checksum` of images from before Rocky (2018),
 * which have nothing else. Throws `SHOAL_GLANCE_HASH_UNKNOWN`.
 */
export function createImageHash(image: Pick<GlanceImage, 'id' | 'osHashAlgo' | 'osHashValue' | 'checksum'>): ImageHash {
  const { algorithm, expected } = chooseHash(image)
  const hash = createHash(algorithm)
  return {
    algorithm,
    update: (chunk) => {
      hash.update(chunk)
    },
    verify: () => {
      const actual = hash.digest('hex')
      if (actual !== expected) {
        throw openstackError('SHOAL_GLANCE_HASH_MISMATCH', { image: image.id, algorithm, actual, expected })
      }
    },
  }
}

function chooseHash(image: Pick<GlanceImage, 'id' | 'osHashAlgo' | 'osHashValue' | 'checksum'>) {
  const unknown = (reason: string) => openstackError('SHOAL_GLANCE_HASH_UNKNOWN', { image: image.id, reason })
  if (image.osHashAlgo !== null && image.osHashValue !== null) {
    const name = image.osHashAlgo.toLowerCase()
    const algorithm = OPENSSL_NAMES[name] ?? name
    // Falling back to MD5 here would be weaker than what the operator has chosen.
    if (!getHashes().includes(algorithm)) throw unknown(`its algorithm ${name.slice(0, 40)} is not known`)
    return { algorithm, expected: image.osHashValue.toLowerCase() }
  }
  if (image.checksum === null) throw unknown('Glance has neither os_hash_value nor checksum for it')
  return { algorithm: 'md5', expected: image.checksum.toLowerCase() }
}
