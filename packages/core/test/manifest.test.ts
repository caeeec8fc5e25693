import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { describe, test } from 'node:test'
import {
  blockCount,
  blockHash,
  type Digest,
  decodeManifest,
  decodePublicKey,
  digestFromBytes,
  encodeManifest,
  encodePublicKey,
  MAX_BLOCK_BYTES,
  type Manifest,
  publicKeyId,
  ShoalError,
} from '@shoal/core'
import fc from 'fast-check'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const stranger = generateKeyPairSync('ed25519')
const HEADER_BYTES = 144
const TRAILER_BYTES = 72

describe('manifest', () => {
  test('comes back as it was encoded, whatever it holds', () => {
    const bits = fc.record({ block: fc.integer({ min: 12, max: 18 }), more: fc.integer({ min: 0, max: 2 }) })
    const shape = fc.record({
      bits,
      blocks: fc.integer({ min: 1, max: 20 }),
      lastBytes: fc.integer({ min: 1, max: 4096 }),
      format: fc.constantFrom('raw' as const, 'qcow2' as const),
      isMiddle: fc.boolean(),
      createdAt: fc.maxSafeNat(),
      seed: fc.nat(),
    })
    fc.assert(
      fc.property(shape, ({ bits, blocks, lastBytes, format, isMiddle, createdAt, seed }) => {
        const blockLengthBytes = 2 ** bits.block
        const manifest = sample({
          sizeBytes: (blocks - 1) * blockLengthBytes + lastBytes,
          blockLengthBytes,
          pieceLengthBytes: 2 ** (bits.block + bits.more),
          format,
          kind: isMiddle ? 'middle' : 'base',
          parent: isMiddle ? digestOf(`parent ${seed}`) : null,
          createdAt,
          digest: digestOf(`layer ${seed}`),
        })
        const decoded = decodeManifest(encodeManifest(manifest, privateKey), [stranger.publicKey, publicKey])
        assert.deepEqual({ ...decoded, blockHashes: Buffer.from(decoded.blockHashes) }, manifest)
      }),
      { numRuns: 50 },
    )
  })

  test('has the layout that docs/formats/manifest.md gives', () => {
    const manifest = sample({ kind: 'middle', parent: digestOf('base') })
    const bytes = Buffer.from(encodeManifest(manifest, privateKey))
    const blocks = blockCount(manifest)
    assert.equal(bytes.length, 144 + 32 * blocks + 72)
    assert.equal(bytes.toString('latin1', 0, 8), 'SHOALMF\0')
    assert.deepEqual([bytes.readUInt16BE(8), bytes.readUInt16BE(10), bytes[12], bytes[13]], [1, 0, 2, 2])
    assert.equal(bytes.readBigUInt64BE(16), BigInt(manifest.sizeBytes))
    assert.equal(bytes.readBigUInt64BE(24), BigInt(manifest.virtualSizeBytes))
    assert.deepEqual([bytes.readUInt32BE(32), bytes.readUInt32BE(36)], [4096, 8192])
    assert.equal(bytes.readBigUInt64BE(40), BigInt(manifest.createdAt))
    assert.equal(`sha256:${bytes.toString('hex', 48, 80)}`, manifest.digest)
    assert.equal(`sha256:${bytes.toString('hex', 80, 112)}`, manifest.parent)
    assert.equal(bytes.toString('hex', 112, 132), manifest.infoHash)
    assert.equal(bytes.readUInt32BE(132), blocks)
    assert.deepEqual(bytes.subarray(144, 144 + 32 * blocks), manifest.blockHashes)
    assert.deepEqual(bytes.subarray(-72, -64), publicKeyId(publicKey))
    assert.deepEqual(bytes.subarray(-64), sign(null, bytes.subarray(0, -72), privateKey))
  })

  test('gives the hash of each block', () => {
    const manifest = sample({})
    assert.deepEqual(blockHash(manifest, 2), manifest.blockHashes.subarray(64, 96))
  })

  test('a key that is not trusted, or none, is refused', () => {
    const bytes = encodeManifest(sample({}), privateKey)
    for (const keys of [[], [stranger.publicKey]]) {
      assert.throws(() => decodeManifest(bytes, keys), { code: 'SHOAL_MANIFEST_SIGNATURE' })
    }
  })

  test('a signature by another key under the id of a trusted one is refused', () => {
    const bytes = Buffer.from(encodeManifest(sample({}), stranger.privateKey))
    publicKeyId(publicKey).copy(bytes, bytes.length - TRAILER_BYTES)
    assert.throws(() => decodeManifest(bytes, [publicKey]), { code: 'SHOAL_MANIFEST_SIGNATURE' })
  })

  test('every single byte that is changed makes it refused', () => {
    const bytes = encodeManifest(sample({}), privateKey)
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
      assert.throws(() => decodeManifest(changed, [publicKey]), ShoalError, `byte ${at}`)
    }
  })

  const faults: Record<string, (header: Buffer) => void> = {
    magic: (header) => header.write('shoalmf', 0),
    version: (header) => header.writeUInt16BE(2, 8),
    'incompatible features': (header) => header.writeUInt16BE(1, 10),
    'format 0': (header) => header.writeUInt8(0, 12),
    'format 3': (header) => header.writeUInt8(3, 12),
    'kind 0': (header) => header.writeUInt8(0, 13),
    'kind middle without parent': (header) => header.writeUInt8(2, 13),
    'reserved at 14': (header) => header.writeUInt16BE(1, 14),
    'size 0': (header) => header.writeBigUInt64BE(0n, 16),
    'size with another block count': (header) => header.writeBigUInt64BE(4096n, 16),
    'size over the limit': (header) => header.writeBigUInt64BE(2n ** 44n + 1n, 16),
    'size of 2^64 - 1': (header) => header.writeBigUInt64BE(2n ** 64n - 1n, 16),
    'virtual size 0': (header) => header.writeBigUInt64BE(0n, 24),
    'virtual size over the limit': (header) => header.writeBigUInt64BE(2n ** 63n, 24),
    'block length 0': (header) => header.writeUInt32BE(0, 32),
    'block length of no power of two': (header) => header.writeUInt32BE(4097, 32),
    'block length too small': (header) => header.writeUInt32BE(2048, 32),
    'block length too large': (header) => header.writeUInt32BE(2 * MAX_BLOCK_BYTES, 32),
    'piece length below the block length': (header) => header.writeUInt32BE(2048, 36),
    'piece length of no power of two': (header) => header.writeUInt32BE(12_288, 36),
    'piece length too large': (header) => header.writeUInt32BE(2 ** 27, 36),
    'date too large': (header) => header.writeBigUInt64BE(2n ** 53n, 40),
    'base with a parent': (header) => header.writeUInt8(1, 80),
    'block count': (header) => header.writeUInt32BE(9, 132),
    'reserved at 136': (header) => header.writeUInt8(1, 143),
  }
  for (const [what, corrupt] of Object.entries(faults)) {
    test(`is invalid even when well signed: ${what}`, () => {
      const body = Buffer.from(encodeManifest(sample({}), privateKey)).subarray(0, -TRAILER_BYTES)
      corrupt(body)
      const bytes = Buffer.concat([body, publicKeyId(publicKey), sign(null, body, privateKey)])
      assert.throws(() => decodeManifest(bytes, [publicKey]), { code: 'SHOAL_MANIFEST_INVALID' })
    })
  }

  test('a length that does not fit is invalid', () => {
    const bytes = Buffer.from(encodeManifest(sample({}), privateKey))
    for (const length of [0, 1, HEADER_BYTES, HEADER_BYTES + TRAILER_BYTES - 1, bytes.length - 1, bytes.length - 32]) {
      const cut = bytes.subarray(0, length)
      assert.throws(() => decodeManifest(cut, [publicKey]), { code: 'SHOAL_MANIFEST_INVALID' }, `${length} bytes`)
    }
    const longer = Buffer.concat([bytes, Buffer.alloc(32)])
    assert.throws(() => decodeManifest(longer, [publicKey]), { code: 'SHOAL_MANIFEST_INVALID' })
  })

  test('mutated or arbitrary bytes never give anything but a ShoalError', () => {
    const bytes = encodeManifest(sample({}), privateKey)
    const mutation = fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) })
    const mutated = fc
      .record({ mutations: fc.array(mutation, { minLength: 1, maxLength: 8 }), length: fc.nat(bytes.length + 64) })
      .map(({ mutations, length }) => {
        const changed = Buffer.alloc(Math.max(length, 1))
        changed.set(bytes.subarray(0, changed.length))
        for (const { at, value } of mutations) if (at < changed.length) changed[at] = value
        return changed
      })
    const withHeader = fc.uint8Array({ maxLength: 400 }).map((tail) => Buffer.concat([bytes.subarray(0, 16), tail]))
    fc.assert(
      fc.property(fc.oneof(mutated, withHeader, fc.uint8Array({ maxLength: 400 })), (input) => {
        try {
          decodeManifest(input, [publicKey])
          assert.deepEqual(Buffer.from(input), Buffer.from(bytes))
        } catch (error) {
          assert.ok(error instanceof ShoalError, String(error))
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('what cannot be decoded is not encoded', () => {
    const wrong: Partial<Manifest>[] = [
      { sizeBytes: 0 },
      { sizeBytes: 1.5 },
      { sizeBytes: Number.NaN },
      { virtualSizeBytes: -1 },
      { blockLengthBytes: 5000 },
      { blockLengthBytes: 2 * MAX_BLOCK_BYTES, pieceLengthBytes: 2 * MAX_BLOCK_BYTES, blockHashes: Buffer.alloc(32) },
      { pieceLengthBytes: 2048 },
      { createdAt: -1 },
      { infoHash: 'AB'.repeat(20) },
      { parent: digestOf('base') },
      { kind: 'middle' },
      { blockHashes: Buffer.alloc(32) },
    ]
    for (const fields of wrong) {
      const manifest = { ...sample({}), ...fields }
      assert.throws(
        () => encodeManifest(manifest, privateKey),
        { code: 'SHOAL_MANIFEST_INVALID' },
        JSON.stringify(fields),
      )
    }
  })
})

describe('public key', () => {
  test('its text is the base64url of its 32 bytes and comes back', () => {
    const text = encodePublicKey(publicKey)
    assert.match(text, /^[A-Za-z0-9_-]{43}$/)
    assert.ok(decodePublicKey(text).equals(publicKey))
    const id = createHash('sha256').update(Buffer.from(text, 'base64url')).digest().subarray(0, 8)
    assert.deepEqual(publicKeyId(publicKey), id)
    for (const wrong of ['', 'short', 'x'.repeat(100)]) assert.throws(() => decodePublicKey(wrong))
  })
})

/** A valid manifest of 10 blocks, the last one short, unless told otherwise. */
function sample(fields: Partial<Manifest>): Manifest {
  const geometry = { sizeBytes: 9 * 4096 + 5, blockLengthBytes: 4096, pieceLengthBytes: 8192, ...fields }
  const hashes = Array.from({ length: blockCount(geometry) }, (_, block) => sha256(`block ${block}`))
  return {
    digest: digestOf('layer'),
    parent: null,
    kind: 'base',
    format: 'qcow2',
    virtualSizeBytes: 1 << 30,
    createdAt: 1_700_000_000_123,
    infoHash: sha256('torrent').toString('hex').slice(0, 40),
    blockHashes: Buffer.concat(hashes),
    ...geometry,
  }
}

function digestOf(text: string): Digest {
  return digestFromBytes(sha256(text))
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
