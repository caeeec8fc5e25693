import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, test } from 'node:test'
import { decodeKeyStatement, encodeKeyStatement, encodePublicKey, type KeyStatement, ShoalError } from '@shoal/core'

const [old, next] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')]
const SUCCESSION: KeyStatement = {
  ...{ kind: 'succession', serial: 3, madeAt: 1_700_000_000_000, until: 1_700_000_600_000 },
  publicKey: encodePublicKey(next.publicKey),
}
const RETIREMENT: KeyStatement = { ...SUCCESSION, kind: 'retirement', serial: 0, until: 0 }

describe('a statement about signing keys', () => {
  test('has the bytes that the format says', () => {
    const bytes = Buffer.from(encodeKeyStatement(SUCCESSION, old.privateKey))
    assert.equal(bytes.length, 168)
    assert.equal(bytes.toString('latin1', 0, 8), 'SHOALKS\0')
    assert.deepEqual([bytes.readUInt16BE(8), bytes.readUInt16BE(10), bytes[12], bytes.readUIntBE(13, 3)], [1, 0, 1, 0])
    const numbers = [16, 24, 32].map((at) => Number(bytes.readBigUInt64BE(at)))
    assert.deepEqual(numbers, [3, SUCCESSION.madeAt, SUCCESSION.until])
    assert.equal(bytes.toString('base64url', 40, 72), encodePublicKey(next.publicKey))
    assert.equal(bytes.toString('base64url', 72, 104), encodePublicKey(old.publicKey))
    assert.deepEqual(bytes.subarray(104), sign(null, bytes.subarray(0, 104), old.privateKey))
    assert.equal(encodeKeyStatement(RETIREMENT, old.privateKey)[12], 2)
  })

  test('comes back as it was, with who signed it', () => {
    for (const statement of [SUCCESSION, RETIREMENT]) {
      const decoded = decodeKeyStatement(encodeKeyStatement(statement, old.privateKey))
      assert.deepEqual(decoded, { ...statement, signer: encodePublicKey(old.publicKey) })
    }
  })

  test('is refused when any byte of it is changed, or it is of another length', () => {
    const bytes = encodeKeyStatement(SUCCESSION, old.privateKey)
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
      assert.throws(() => decodeKeyStatement(changed), ShoalError, `byte ${at}`)
    }
    for (const length of [0, 104, 167]) {
      assert.throws(() => decodeKeyStatement(bytes.subarray(0, length)), { code: 'SHOAL_KEY_STATEMENT_INVALID' })
    }
  })

  const faults: Record<string, Partial<KeyStatement>> = {
    'a succession of the first key': { serial: 0 },
    'an overlap that ends before it begins': { until: SUCCESSION.madeAt - 1 },
    'an overlap of more than a year': { until: SUCCESSION.madeAt + 367 * 86_400_000 },
    'a retirement for a time': { kind: 'retirement' },
    'a number that is not safe': { serial: 2 ** 53 },
    'a key that is none': { publicKey: 'AAAA' },
  }
  for (const [name, change] of Object.entries(faults)) {
    test(`${name} is not made`, () => {
      const statement = { ...SUCCESSION, ...change }
      assert.throws(() => encodeKeyStatement(statement, old.privateKey), { code: 'SHOAL_KEY_STATEMENT_INVALID' })
    })
  }

  test('that a stranger signed with bounds broken is refused as well', () => {
    const bytes = Buffer.from(encodeKeyStatement(SUCCESSION, old.privateKey))
    bytes.writeBigUInt64BE(2n ** 63n, 32)
    sign(null, bytes.subarray(0, 104), old.privateKey).copy(bytes, 104)
    assert.throws(() => decodeKeyStatement(bytes), { code: 'SHOAL_KEY_STATEMENT_INVALID' })
  })
})
