import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '@shoal/core'
import {
  MAX_SIGNATURE_CHARS,
  readSignatureClaim,
  SIGNATURE_KEY_TYPES,
  SIGNATURE_PROPERTIES,
  signatureFingerprint,
} from '@shoal/openstack'
import { parseImage } from '../src/glance-image.ts'

const GOOD = {
  img_signature: 'AAEC/w==',
  img_signature_hash_method: 'SHA-256',
  img_signature_key_type: 'RSA-PSS',
  img_signature_certificate_uuid: '0F6A3F4E-0000-4000-8000-000000000001',
} as const
/** What hostile or careless owners write. */
const BAD_VALUES = [
  ...['', ' ', '\0', 'AAE', 'A===', '!!!!', 'sha-256', 'SHA-1', 'MD5', 'hasOwnProperty', '__proto__', '../x', '%2e%2e'],
  ...['ECC_SECP256R1', 'ECC_', 'rsa-pss', '0f6a3f4e-0000-4000-8000-00000000000g', 'A'.repeat(MAX_SIGNATURE_CHARS + 4)],
]

describe('the signature properties of an image', () => {
  it('are read when all four are right', () => {
    const claim = readSignatureClaim({ properties: { ...GOOD, img_signature: ' AAEC\n/w== ' } })
    assert.ok(claim.kind === 'signed')
    assert.deepEqual(claim.properties, {
      ...{ hashMethod: 'SHA-256', algorithm: 'sha256', keyType: 'RSA-PSS' },
      signature: Buffer.from([0, 1, 2, 255]),
      certificate: '0f6a3f4e-0000-4000-8000-000000000001',
    })
    for (const img_signature_key_type of SIGNATURE_KEY_TYPES) {
      assert.equal(readSignatureClaim({ properties: { ...GOOD, img_signature_key_type } }).kind, 'signed')
    }
  })

  it('are a claim as soon as there is one of them, and malformed unless all are right', () => {
    assert.deepEqual(readSignatureClaim({ properties: { os: 'linux' } }), { kind: 'unsigned' })
    const random = seededRandom(1)
    const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)] as T
    for (let round = 0; round < 2000; round += 1) {
      const properties: Record<string, string> = { ...GOOD }
      const name = pick(SIGNATURE_PROPERTIES)
      if (random() < 0.3) delete properties[name]
      else properties[name] = pick(BAD_VALUES)
      for (const other of SIGNATURE_PROPERTIES) {
        if (other !== name && random() < 0.2) delete properties[other]
      }
      const isLeft = SIGNATURE_PROPERTIES.some((each) => properties[each] !== undefined)
      assert.equal(
        readSignatureClaim({ properties }).kind,
        isLeft ? 'malformed' : 'unsigned',
        JSON.stringify(properties),
      )
    }
  })

  it('of another type than text are no signature, and do not pass for none', () => {
    const image = { id: GOOD.img_signature_certificate_uuid, status: 'active' }
    for (const img_signature of [5, true, false, {}, ['AAEC'], 1e300]) {
      const parsed = parseImage({ ...image, ...GOOD, img_signature })
      assert.notEqual(readSignatureClaim(parsed ?? { properties: {} }).kind, 'unsigned')
      const alone = parseImage({ ...image, img_signature })
      assert.equal(readSignatureClaim(alone ?? { properties: {} }).kind, 'malformed')
    }
    assert.deepEqual(parseImage({ ...image, img_signature: null, other: 5 })?.properties, {})
  })

  it('have a fingerprint that changes with each of them, and with nothing else', () => {
    const fingerprint = signatureFingerprint({ properties: GOOD })
    assert.equal(signatureFingerprint({ properties: { ...GOOD, os: 'linux' } }), fingerprint)
    assert.equal(signatureFingerprint({ properties: { os: 'linux' } }), '')
    const others = SIGNATURE_PROPERTIES.flatMap((name) => {
      const { [name]: _, ...rest } = GOOD
      return [rest, { ...GOOD, [name]: 'x' }]
    })
    const all = new Set([fingerprint, ...others.map((properties) => signatureFingerprint({ properties }))])
    assert.equal(all.size, others.length + 1)
  })
})
