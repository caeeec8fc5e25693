import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { publicKeyId } from '@shoal/core'

const VERSION = 1
const TIME_AT = 4
const KEY_ID_AT = 12
const SIGNATURE_AT = 20
const DOMAIN = 'shoal layer grant 1\0'
/** Of a grant (docs/formats/swarm-authentication.md). */
export const LAYER_GRANT_BYTES = 84
/** How long a grant holds; nodes ask for the next one when half of it is over. */
export const LAYER_GRANT_MS = 24 * 3_600_000

/** What a grant is about: one node, one layer. */
export interface GrantSubject {
  readonly node: string
  /** In hexadecimal. */
  readonly infoHash: string
}

/** Says that a node may have a layer, until `endsAt` (milliseconds since the epoch). The key is the one that signs manifests. */
export function encodeLayerGrant(subject: GrantSubject, endsAt: number, privateKey: KeyObject): Buffer {
  const grant = Buffer.alloc(LAYER_GRANT_BYTES)
  grant[0] = VERSION
  grant.writeBigUInt64BE(BigInt(endsAt), TIME_AT)
  publicKeyId(createPublicKey(privateKey)).copy(grant, KEY_ID_AT)
  sign(null, signedOf(grant, subject), privateKey).copy(grant, SIGNATURE_AT)
  return grant
}

/** When a grant ends, whoever made it; `undefined` for what is none. */
export function layerGrantEnd(grant: Uint8Array): number | undefined {
  if (grant.length !== LAYER_GRANT_BYTES) return undefined
  if (grant[0] !== VERSION || grant[1] !== 0 || grant[2] !== 0 || grant[3] !== 0) return undefined
  const endsAt = Number(Buffer.from(grant.buffer, grant.byteOffset, grant.length).readBigUInt64BE(TIME_AT))
  return Number.isSafeInteger(endsAt) ? endsAt : undefined
}

/** Id of the key that a grant says it was signed by, hexadecimal. */
export function layerGrantKeyId(grant: Uint8Array): string {
  return Buffer.from(grant.buffer, grant.byteOffset, grant.length).toString('hex', KEY_ID_AT, SIGNATURE_AT)
}

/** Whether one of these keys signed a grant for this node and layer. Takes any bytes. */
export function isLayerGrantSigned(grant: Uint8Array, subject: GrantSubject, keys: readonly KeyObject[]): boolean {
  if (layerGrantEnd(grant) === undefined) return false
  const bytes = Buffer.from(grant.buffer, grant.byteOffset, grant.length)
  const keyId = bytes.subarray(KEY_ID_AT, SIGNATURE_AT)
  const key = keys.find((candidate) => publicKeyId(candidate).equals(keyId))
  return key !== undefined && verify(null, signedOf(bytes, subject), key, bytes.subarray(SIGNATURE_AT))
}

function signedOf(grant: Buffer, { node, infoHash }: GrantSubject): Buffer {
  return Buffer.concat([
    Buffer.from(DOMAIN, 'latin1'),
    grant.subarray(0, SIGNATURE_AT),
    Buffer.from(infoHash, 'hex'),
    Buffer.from(node, 'utf8'),
  ])
}
