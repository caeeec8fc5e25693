import { type KeyObject, sign, verify } from 'node:crypto'

/** What is signed begins so: nothing that TLS or an authority signs can be taken for a proof, nor the other way round. */
const CONTEXT = Buffer.from('Shoal proof of possession, version 1\0', 'latin1')

/** Signs a transcript: EC keys with ECDSA, RSA keys with PSS, both over SHA-256; Ed25519 keys by themselves. */
export function signTranscript(privateKey: KeyObject, transcript: Uint8Array): Uint8Array {
  return sign(hashOf(privateKey), Buffer.concat([CONTEXT, transcript]), withPadding(privateKey))
}

/** Whether a signature is that of this key's holder over this very transcript. */
export function isTranscriptSigned(publicKey: KeyObject, transcript: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(hashOf(publicKey), Buffer.concat([CONTEXT, transcript]), withPadding(publicKey), signature)
  } catch {
    return false
  }
}

function hashOf({ asymmetricKeyType }: KeyObject): string | null {
  return asymmetricKeyType === 'ed25519' || asymmetricKeyType === 'ed448' ? null : 'sha256'
}

function withPadding(key: KeyObject) {
  // Salt as long as the hash, RFC 8446, 4.2.3.
  return key.asymmetricKeyType === 'rsa' ? { key, padding: RSA_PKCS1_PSS_PADDING, saltLength: 32 } : key
}

/** `constants.RSA_PKCS1_PSS_PADDING` of node:crypto. */
const RSA_PKCS1_PSS_PADDING = 6
