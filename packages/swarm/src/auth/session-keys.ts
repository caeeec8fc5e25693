import { createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync, type KeyObject } from 'node:crypto'

export const X25519_KEY_BYTES = 32
/** SubjectPublicKeyInfo of an X25519 key is this and the key (RFC 8410). */
const SPKI_HEAD = Buffer.from('302a300506032b656e032100', 'hex')
const KEY_BYTES = 32
const IV_BYTES = 12

/** What one direction of a connection is encrypted with. */
export interface DirectionKey {
  readonly key: Buffer
  readonly iv: Buffer
}

/** A key pair for one connection: who records it cannot read it later, whatever else he gets hold of. */
export class EphemeralKey {
  readonly publicKey: Buffer
  readonly #privateKey: KeyObject

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('x25519')
    this.publicKey = publicKey.export({ type: 'spki', format: 'der' }).subarray(SPKI_HEAD.length)
    this.#privateKey = privateKey
  }

  /** The secret shared with the holder of `otherKey`; `undefined` for a key that gives everybody the same one (RFC 7748, 6.1). */
  agree(otherKey: Uint8Array): Buffer | undefined {
    try {
      const key = Buffer.concat([SPKI_HEAD, otherKey])
      return diffieHellman({
        privateKey: this.#privateKey,
        publicKey: createPublicKey({ key, type: 'spki', format: 'der' }),
      })
    } catch {
      return undefined
    }
  }
}

/** Keys of both directions: that of who opened the connection first. */
export function deriveKeys(
  secret: Uint8Array,
  { salt, info }: { salt: Uint8Array; info: Uint8Array | string },
): readonly [opener: DirectionKey, accepter: DirectionKey] {
  const bytes = Buffer.from(hkdfSync('sha256', secret, salt, info, 2 * (KEY_BYTES + IV_BYTES)))
  const at = (start: number): DirectionKey => ({
    key: bytes.subarray(start, start + KEY_BYTES),
    iv: bytes.subarray(start + KEY_BYTES, start + KEY_BYTES + IV_BYTES),
  })
  return [at(0), at(KEY_BYTES + IV_BYTES)]
}
