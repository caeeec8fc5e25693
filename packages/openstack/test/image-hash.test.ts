import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { createImageHash } from '@shoal/openstack'
import { buildImage } from './image-builder.ts'

const DATA = Buffer.from('the bytes of an image')

describe('checking data against the hash of Glance', () => {
  for (const [osHashAlgo, name] of [
    ['sha512', 'sha512'],
    ['sha256', 'sha256'],
    ['SHA384', 'sha384'],
    ['blake2b', 'blake2b512'],
    ['sha3_512', 'sha3-512'],
  ] as const) {
    test(`accepts the right ${osHashAlgo}, in pieces and in either case`, () => {
      const osHashValue = createHash(name).update(DATA).digest('hex').toUpperCase()
      const hash = createImageHash(buildImage(DATA, { osHashAlgo, osHashValue }))
      hash.update(DATA.subarray(0, 5))
      hash.update(DATA.subarray(5))
      assert.doesNotThrow(() => hash.verify())
    })
  }

  test('refuses other data', () => {
    const hash = createImageHash(buildImage(DATA))
    hash.update(Buffer.from('other bytes'))
    assert.throws(() => hash.verify(), { code: 'SHOAL_GLANCE_HASH_MISMATCH' })
  })

  test('takes the MD5 checksum of an image that has nothing else', () => {
    const hash = createImageHash(buildImage(DATA, { osHashAlgo: null, osHashValue: null }))
    hash.update(DATA)
    assert.doesNotThrow(() => hash.verify())
    assert.equal(hash.algorithm, 'md5')
  })

  test('does not fall back to MD5 from an algorithm it does not know', () => {
    assert.throws(() => createImageHash(buildImage(DATA, { osHashAlgo: 'whirl' })), {
      code: 'SHOAL_GLANCE_HASH_UNKNOWN',
    })
  })

  test('refuses an image without any hash', () => {
    const bare = buildImage(DATA, { osHashAlgo: null, osHashValue: null, checksum: null })
    assert.throws(() => createImageHash(bare), { code: 'SHOAL_GLANCE_HASH_UNKNOWN' })
  })
})
