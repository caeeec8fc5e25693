import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { digestBytes, digestFromBytes, digestHex, isDigest, parseDigest } from '@shoal/core'
import fc from 'fast-check'

describe('digest', () => {
  test('bytes, text and file name say the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const digest = digestFromBytes(bytes)
        assert.deepEqual(Buffer.from(digestBytes(digest)), Buffer.from(bytes))
        assert.equal(parseDigest(digest), digest)
        assert.equal(digest, `sha256:${digestHex(digest)}`)
      }),
    )
  })

  test('anything but 64 lower-case hexadecimal digits after sha256: is refused', () => {
    const hex = 'ab'.repeat(32)
    const wrong = ['', hex, `sha256:${hex}0`, `sha256:${hex.slice(1)}`, `sha256:${hex.toUpperCase()}`, `sha512:${hex}`]
    for (const value of [...wrong, ` sha256:${hex}`, `sha256:${hex}\n`, `sha256:../${hex.slice(3)}`]) {
      assert.equal(isDigest(value), false)
      assert.throws(() => parseDigest(value), { code: 'SHOAL_DIGEST_INVALID' })
    }
    for (const value of [undefined, null, 5, {}, [`sha256:${hex}`]]) assert.equal(isDigest(value), false)
  })

  test('a digest of other than 32 bytes is refused', () => {
    for (const length of [0, 31, 33]) {
      assert.throws(() => digestFromBytes(new Uint8Array(length)), { code: 'SHOAL_DIGEST_INVALID' })
    }
  })

  test('the error does not repeat a value of any length', () => {
    assert.throws(
      () => parseDigest('x'.repeat(10_000)),
      (error: Error) => error.message.length < 300,
    )
  })
})
