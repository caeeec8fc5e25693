import assert from 'node:assert/strict'
import { constants, createHash, randomBytes, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { chooseGeometry } from '@shoal/core'
import { readSignatureClaim, SIGNATURE_KEY_TYPES, type SignatureHashMethod } from '@shoal/openstack'
import { LayerHasher } from '../../src/imports/layer-hasher.ts'
import { type SignatureParameters, signatureParameters } from '../../src/signatures/signature-parameters.ts'
import { type ImageSigner, newSigner, signatureOf } from './signed-images.ts'

const HASH_METHODS = ['SHA-224', 'SHA-256', 'SHA-384', 'SHA-512'] as const
const CONTENT = randomBytes(100_000)

function parametersOf(properties: Record<string, string>, signer: ImageSigner) {
  const claim = readSignatureClaim({ properties })
  assert.ok(claim.kind === 'signed')
  return signatureParameters(claim.properties, signer.certificate)
}

async function isSigned(content: Uint8Array, signature: SignatureParameters): Promise<boolean | undefined> {
  const geometry = chooseGeometry(content.length)
  await using hasher = new LayerHasher('image', { ...geometry, algorithm: 'sha512', signature })
  const buffer = await hasher.buffer()
  buffer.set(content)
  hasher.update(buffer, content.length)
  const hashes = await hasher.finish()
  // The others are as they are without a signature.
  assert.equal(hashes.imageHash, createHash('sha512').update(content).digest('hex'))
  return hashes.isSigned
}

describe('the signature of an image', () => {
  for (const [at, keyType] of SIGNATURE_KEY_TYPES.entries()) {
    it(`of type ${keyType} is known over the bytes that are hashed, and over no others`, async () => {
      const signer = newSigner(keyType)
      const methods: readonly SignatureHashMethod[] =
        keyType === 'RSA-PSS' || keyType === 'ECC_SECP384R1' ? HASH_METHODS : [HASH_METHODS[at % 4] ?? 'SHA-256']
      for (const method of methods) {
        const parameters = parametersOf(signatureOf(CONTENT, signer, method), signer)
        assert.ok(!('fault' in parameters))
        assert.equal(await isSigned(CONTENT, parameters), true, method)
      }
      const parameters = parametersOf(signatureOf(CONTENT, signer), signer)
      assert.ok(!('fault' in parameters))
      const other = Buffer.from(CONTENT)
      other.writeUInt8(other.readUInt8(50_000) ^ 1, 50_000)
      assert.equal(await isSigned(other, parameters), false)
      const broken = Uint8Array.from(parameters.signature, (byte, index) => (index === 30 ? byte ^ 4 : byte))
      assert.equal(await isSigned(CONTENT, { ...parameters, signature: broken }), false)
      for (const length of keyType.startsWith('ECC_SECT') ? [] : [0, 5000]) {
        const signature = new Uint8Array(randomBytes(length))
        assert.equal(await isSigned(CONTENT, { ...parameters, signature }), false, `${length} bytes of anything`)
      }
    })
  }

  it('takes the longest salt alone, as Nova does', async () => {
    const signer = newSigner('RSA-PSS')
    const key = { key: signer.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
    const img_signature = sign('sha256', CONTENT, key).toString('base64')
    const parameters = parametersOf({ ...signatureOf(CONTENT, signer), img_signature }, signer)
    assert.ok(!('fault' in parameters))
    assert.equal(parameters.saltBytes, 2048 / 8 - 32 - 2)
    assert.equal(await isSigned(CONTENT, parameters), false)
  })

  it('is not looked at with a key of another type or curve than the image names', () => {
    const signer = newSigner('ECC_SECP384R1')
    for (const img_signature_key_type of ['RSA-PSS', 'DSA', 'ECC_SECP521R1', 'ECC_SECT409K1']) {
      const found = parametersOf({ ...signatureOf(CONTENT, signer), img_signature_key_type }, signer)
      assert.ok('fault' in found, img_signature_key_type)
    }
  })
})
