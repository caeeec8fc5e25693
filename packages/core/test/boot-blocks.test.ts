import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { describe, test } from 'node:test'
import {
  BOOT_BLOCKS_LIMITS,
  type BootBlocks,
  type BootRun,
  type Digest,
  decodeBootBlocks,
  decodeManifest,
  digestFromBytes,
  encodeBootBlocks,
  MAX_BOOT_BLOCKS_BYTES,
  publicKeyId,
  ShoalError,
} from '@shoal/core'
import fc from 'fast-check'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const stranger = generateKeyPairSync('ed25519')
const TRAILER_BYTES = 72
const [BASE, MIDDLE] = [digestOf('base'), digestOf('middle')]
/** Of the sample: layers and runs. */
const BASE_AT = 40
const MIDDLE_AT = 80
const RUNS_AT = 120

describe('boot blocks', () => {
  test('come back as they were encoded, whatever they hold', () => {
    const gap = fc.record({
      isMiddle: fc.boolean(),
      gap: fc.nat(5),
      blocks: fc.integer({ min: 1, max: 40 }),
      score: fc.integer({ min: 1, max: 65_535 }).map((score) => score / 65_535),
    })
    const shape = fc.record({
      gaps: fc.array(gap, { maxLength: 40 }),
      seed: fc.nat(),
      bits: fc.integer({ min: 12, max: 18 }),
      recordings: fc.integer({ min: 1, max: 65_535 }),
      revision: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      createdAt: fc.maxSafeNat(),
    })
    fc.assert(
      fc.property(shape, ({ gaps, seed, bits, ...fields }) => {
        const next = new Map<Digest, number>()
        const runs = gaps.map(({ isMiddle, gap, blocks, score }): BootRun => {
          const digest = isMiddle ? MIDDLE : BASE
          const firstBlock = (next.get(digest) ?? 0) + gap
          next.set(digest, firstBlock + blocks)
          return { digest, firstBlock, blocks, score }
        })
        const order = runs.map((_, index) => createHash('sha1').update(`${seed} ${index}`).digest('hex'))
        const shuffled = runs.map((run, index) => ({ run, key: order[index] ?? '' }))
        shuffled.sort((a, b) => (a.key < b.key ? -1 : 1))
        const layers = [BASE, MIDDLE].map((digest) => ({ digest, blockLengthBytes: 2 ** bits, blocks: 2000 }))
        const bootBlocks = { ...fields, layers, runs: shuffled.map(({ run }) => run) }
        const encoded = encodeBootBlocks(bootBlocks, privateKey)
        assert.deepEqual(decodeBootBlocks(encoded, [stranger.publicKey, publicKey]), bootBlocks)
      }),
      { numRuns: 100 },
    )
  })

  test('have the layout that docs/formats/boot-blocks.md gives', () => {
    const bytes = Buffer.from(encodeBootBlocks(sample(), privateKey))
    assert.equal(bytes.length, RUNS_AT + 3 * 12 + 72)
    assert.equal(bytes.toString('latin1', 0, 8), 'SHOALBB\0')
    assert.deepEqual([bytes.readUInt16BE(8), bytes.readUInt16BE(10)], [1, 0])
    assert.deepEqual([bytes.readUInt16BE(12), bytes.readUInt16BE(14)], [4, 2])
    assert.equal(bytes.readBigUInt64BE(16), 9n)
    assert.equal(bytes.readBigUInt64BE(24), 1_700_000_000_123n)
    assert.deepEqual([bytes.readUInt32BE(32), bytes.readUInt32BE(36)], [3, 0])
    assert.equal(`sha256:${bytes.toString('hex', BASE_AT, BASE_AT + 32)}`, BASE)
    assert.deepEqual([bytes.readUInt32BE(BASE_AT + 32), bytes.readUInt32BE(BASE_AT + 36)], [262_144, 1000])
    assert.equal(`sha256:${bytes.toString('hex', MIDDLE_AT, MIDDLE_AT + 32)}`, MIDDLE)
    assert.deepEqual([bytes.readUInt32BE(MIDDLE_AT + 32), bytes.readUInt32BE(MIDDLE_AT + 36)], [131_072, 10])
    const second = RUNS_AT + 12
    assert.deepEqual([bytes.readUInt32BE(second), bytes.readUInt32BE(second + 4)], [0, 3])
    assert.deepEqual([bytes.readUInt16BE(second + 8), bytes.readUInt16BE(second + 10)], [1, 49_151])
    assert.deepEqual(bytes.subarray(-72, -64), publicKeyId(publicKey))
    assert.deepEqual(bytes.subarray(-64), sign(null, bytes.subarray(0, -72), privateKey))
  })

  test('the largest have the most bytes that there may be, and are read', () => {
    const { runs: most } = BOOT_BLOCKS_LIMITS
    const layers = [BASE, MIDDLE].map((digest) => ({ digest, blockLengthBytes: 262_144, blocks: 2 ** 22 }))
    const runs = Array.from({ length: most }, (_, index) => {
      return { digest: index % 2 === 0 ? BASE : MIDDLE, firstBlock: index * 3, blocks: 2, score: 1 }
    })
    const encoded = encodeBootBlocks({ ...sample(), layers, runs }, privateKey)
    assert.equal(encoded.length, MAX_BOOT_BLOCKS_BYTES)
    assert.equal(encoded.length, 786_624)
    assert.equal(decodeBootBlocks(encoded, [publicKey]).runs.length, most)
  })

  test('without runs are boot blocks', () => {
    const empty = { ...sample(), runs: [] }
    assert.deepEqual(decodeBootBlocks(encodeBootBlocks(empty, privateKey), [publicKey]), empty)
  })

  test('of a key that is not trusted, or of none, are refused', () => {
    const bytes = encodeBootBlocks(sample(), privateKey)
    for (const keys of [[], [stranger.publicKey]]) {
      assert.throws(() => decodeBootBlocks(bytes, keys), { code: 'SHOAL_BOOT_BLOCKS_SIGNATURE' })
    }
    const forged = Buffer.from(encodeBootBlocks(sample(), stranger.privateKey))
    publicKeyId(publicKey).copy(forged, forged.length - TRAILER_BYTES)
    assert.throws(() => decodeBootBlocks(forged, [publicKey]), { code: 'SHOAL_BOOT_BLOCKS_SIGNATURE' })
  })

  test('are never a manifest, though the same key signs both', () => {
    const bytes = encodeBootBlocks(sample(), privateKey)
    assert.throws(() => decodeManifest(bytes, [publicKey]), { code: 'SHOAL_MANIFEST_INVALID' })
  })

  test('every single byte that is changed makes them refused', () => {
    const bytes = encodeBootBlocks(sample(), privateKey)
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
      assert.throws(() => decodeBootBlocks(changed, [publicKey]), ShoalError, `byte ${at}`)
    }
  })

  const faults: Record<string, (body: Buffer) => void> = {
    magic: (body) => body.write('SHOALMF', 0),
    version: (body) => body.writeUInt16BE(2, 8),
    'incompatible features': (body) => body.writeUInt16BE(1, 10),
    'no recordings': (body) => body.writeUInt16BE(0, 12),
    'no layers': (body) => body.writeUInt16BE(0, 14),
    'three layers': (body) => body.writeUInt16BE(3, 14),
    'one layer': (body) => body.writeUInt16BE(1, 14),
    'revision 0': (body) => body.writeBigUInt64BE(0n, 16),
    'revision of 2^53': (body) => body.writeBigUInt64BE(2n ** 53n, 16),
    'date of 2^53': (body) => body.writeBigUInt64BE(2n ** 53n, 24),
    'fewer runs': (body) => body.writeUInt32BE(2, 32),
    'more runs than may be': (body) => body.writeUInt32BE(2 ** 32 - 1, 32),
    'reserved at 36': (body) => body.writeUInt8(1, 39),
    'one layer twice': (body) => body.copy(body, MIDDLE_AT, BASE_AT, BASE_AT + 32),
    'block length 0': (body) => body.writeUInt32BE(0, BASE_AT + 32),
    'block length of no power of two': (body) => body.writeUInt32BE(131_073, BASE_AT + 32),
    'block length too large': (body) => body.writeUInt32BE(2 ** 19, BASE_AT + 32),
    'no blocks': (body) => body.writeUInt32BE(0, BASE_AT + 36),
    'blocks over the limit': (body) => body.writeUInt32BE(2 ** 22 + 1, BASE_AT + 36),
    'a run beyond the layer': (body) => body.writeUInt32BE(999, RUNS_AT),
    'a run that starts beyond the layer': (body) => body.writeUInt32BE(2 ** 32 - 1, RUNS_AT),
    'a run of nothing': (body) => body.writeUInt32BE(0, RUNS_AT + 4),
    'a run of 2^32 - 1 blocks': (body) => body.writeUInt32BE(2 ** 32 - 1, RUNS_AT + 4),
    'a run of a third layer': (body) => body.writeUInt16BE(2, RUNS_AT + 8),
    'a score of 0': (body) => body.writeUInt16BE(0, RUNS_AT + 10),
    'a block in two runs': (body) => body.writeUInt32BE(8, RUNS_AT + 24),
  }
  for (const [what, corrupt] of Object.entries(faults)) {
    test(`are invalid even when well signed: ${what}`, () => {
      const body = Buffer.from(encodeBootBlocks(sample(), privateKey)).subarray(0, -TRAILER_BYTES)
      corrupt(body)
      const bytes = Buffer.concat([body, publicKeyId(publicKey), sign(null, body, privateKey)])
      assert.throws(() => decodeBootBlocks(bytes, [publicKey]), { code: 'SHOAL_BOOT_BLOCKS_INVALID' })
    })
  }

  test('a length that does not fit is invalid', () => {
    const bytes = Buffer.from(encodeBootBlocks(sample(), privateKey))
    for (const length of [0, 1, 40, 111, 112, bytes.length - 1, bytes.length - 12]) {
      const cut = bytes.subarray(0, length)
      assert.throws(() => decodeBootBlocks(cut, [publicKey]), { code: 'SHOAL_BOOT_BLOCKS_INVALID' }, `${length} bytes`)
    }
    const longer = Buffer.concat([bytes, Buffer.alloc(12)])
    assert.throws(() => decodeBootBlocks(longer, [publicKey]), { code: 'SHOAL_BOOT_BLOCKS_INVALID' })
  })

  test('mutated or arbitrary bytes never give anything but a ShoalError, also when they are well signed', () => {
    const bytes = encodeBootBlocks(sample(), privateKey)
    const mutation = fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) })
    const mutated = fc
      .record({ mutations: fc.array(mutation, { minLength: 1, maxLength: 8 }), length: fc.nat(bytes.length + 64) })
      .map(({ mutations, length }) => {
        const changed = Buffer.alloc(Math.max(length, 1))
        changed.set(bytes.subarray(0, changed.length))
        for (const { at, value } of mutations) if (at < changed.length) changed[at] = value
        return changed
      })
    const withHeader = fc.uint8Array({ maxLength: 400 }).map((tail) => Buffer.concat([bytes.subarray(0, 12), tail]))
    fc.assert(
      fc.property(fc.oneof(mutated, withHeader, fc.uint8Array({ maxLength: 400 })), fc.boolean(), (input, isSigned) => {
        const body = Buffer.from(input).subarray(0, Math.max(0, input.length - TRAILER_BYTES))
        const signed = Buffer.concat([body, publicKeyId(publicKey), sign(null, body, privateKey)])
        try {
          const { runs, layers } = decodeBootBlocks(isSigned ? signed : input, [publicKey])
          const known = new Map(layers.map(({ digest, blocks }) => [digest, blocks]))
          for (const { digest, firstBlock, blocks } of runs) assert.ok(firstBlock + blocks <= (known.get(digest) ?? 0))
        } catch (error) {
          assert.ok(error instanceof ShoalError, String(error))
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('what cannot be decoded is not encoded', () => {
    const run = { digest: BASE, firstBlock: 1, blocks: 1, score: 1 }
    const wrong: Partial<BootBlocks>[] = [
      { revision: 0 },
      { revision: 1.5 },
      { recordings: 0 },
      { recordings: 65_536 },
      { createdAt: -1 },
      { layers: [] },
      { layers: [{ digest: BASE, blockLengthBytes: 5000, blocks: 1000 }], runs: [] },
      { runs: [{ ...run, digest: digestOf('another') }] },
      { runs: [{ ...run, firstBlock: -1 }] },
      { runs: [{ ...run, firstBlock: 0.5 }] },
      { runs: [{ ...run, blocks: 1000 }] },
      { runs: [{ ...run, score: 0 }] },
      { runs: [{ ...run, score: 1.01 }] },
      { runs: [{ ...run, score: Number.NaN }] },
      { runs: [run, { ...run, firstBlock: 0, blocks: 2 }] },
      { runs: Array.from({ length: 65_537 }, () => run) },
      {
        layers: [{ digest: BASE, blockLengthBytes: 4096, blocks: 2 ** 22 }],
        runs: [{ ...run, blocks: BOOT_BLOCKS_LIMITS.blocks + 1 }],
      },
    ]
    for (const fields of wrong) {
      const encode = () => encodeBootBlocks({ ...sample(), ...fields }, privateKey)
      assert.throws(encode, { code: 'SHOAL_BOOT_BLOCKS_INVALID' }, JSON.stringify(fields).slice(0, 100))
    }
  })
})

function sample(): BootBlocks {
  return {
    revision: 9,
    recordings: 4,
    createdAt: 1_700_000_000_123,
    layers: [
      { digest: BASE, blockLengthBytes: 262_144, blocks: 1000 },
      { digest: MIDDLE, blockLengthBytes: 131_072, blocks: 10 },
    ],
    runs: [
      { digest: BASE, firstBlock: 7, blocks: 2, score: 1 },
      { digest: MIDDLE, firstBlock: 0, blocks: 3, score: 49_151 / 65_535 },
      { digest: BASE, firstBlock: 990, blocks: 10, score: 1 / 65_535 },
    ],
  }
}

function digestOf(text: string): Digest {
  return digestFromBytes(createHash('sha256').update(text).digest())
}
