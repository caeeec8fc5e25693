import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { MAX_RECORD_BYTES, RECORD_LENGTH_BYTES, RECORD_TAG_BYTES } from '../../src/auth/record-key.ts'
import { RecordOpener } from '../../src/auth/record-opener.ts'
import { RecordSealer } from '../../src/auth/record-sealer.ts'

const newKey = () => ({ key: randomBytes(32), iv: randomBytes(12) })
const seal = (sealer: RecordSealer, ...parts: readonly Uint8Array[]) =>
  Buffer.concat(sealer.seal(...parts) ?? assert.fail('the key is used up'))
const LONGEST = RECORD_LENGTH_BYTES + MAX_RECORD_BYTES + RECORD_TAG_BYTES

/** Bytes cut at the given places, as a socket may hand them on. */
function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0
  for (let index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1
    yield bytes.subarray(at, at + size)
    at += size
  }
}

test('what is sealed opens as it was, however it is cut', () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 2 * MAX_RECORD_BYTES, size: 'max' }), { maxLength: 4 })
  const sizes = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(parts, sizes, (plain, cuts) => {
      const key = newKey()
      const sealed = seal(new RecordSealer(key), ...plain)
      const opener = new RecordOpener(key)
      const opened = [...cut(sealed, cuts)].map((chunk) => opener.push(chunk) ?? assert.fail('a record did not open'))
      assert.ok(Buffer.concat(opened).equals(Buffer.concat(plain)))
      assert.equal(opener.isMidRecord, false)
    }),
    { numRuns: 60 },
  )
})

test('a record that was changed, repeated, left out, put elsewhere or sealed for another does not open', () => {
  const key = newKey()
  const sealer = new RecordSealer(key)
  const records = ['one', 'two', 'three'].map((text) => seal(sealer, Buffer.from(text)))
  const [one, two] = records as [Buffer, Buffer, Buffer]
  for (let at = 0; at < one.length; at += 1) {
    const changed = Buffer.from(one)
    changed[at] = (changed[at] ?? 0) ^ 1
    // A changed length may ask for more first: then what follows does not open.
    const opened = new RecordOpener(key).push(Buffer.concat([changed, Buffer.alloc(2 * MAX_RECORD_BYTES)]))
    assert.equal(opened, undefined, `byte ${at}`)
  }
  assert.equal(new RecordOpener(key).push(two), undefined)
  assert.equal(new RecordOpener(key).push(Buffer.concat([one, one])), undefined)
  assert.equal(new RecordOpener(newKey()).push(one), undefined)
  assert.deepEqual(new RecordOpener(key).push(Buffer.concat(records)), Buffer.from('onetwothree'))
})

test('whatever comes as a record is refused or waited for, and takes no more memory than a record', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4096 }), (bytes) => {
      const opener = new RecordOpener(newKey())
      const opened = opener.push(bytes)
      assert.ok(opened === undefined || opened.length === 0)
      if (opened !== undefined) assert.ok(opener.target().length <= LONGEST)
    }),
    { numRuns: 500 },
  )
})

test('no two records are alike, even of the same bytes', () => {
  const sealer = new RecordSealer(newKey())
  const texts = Array.from({ length: 100 }, () => seal(sealer, Buffer.alloc(32)).toString('hex'))
  assert.equal(new Set(texts).size, 100)
})

test('no key seals more records than it has nonces', () => {
  const sealer = new RecordSealer(newKey(), { maxRecords: 3 })
  assert.equal(sealer.seal(Buffer.alloc(2 * MAX_RECORD_BYTES))?.length, 2)
  assert.equal(sealer.sealPayload(Buffer.alloc(300_000))?.parts.length, 7)
  assert.equal(sealer.sealPayload(Buffer.alloc(1)), undefined)
  assert.equal(sealer.seal(Buffer.alloc(1)), undefined)
})
