import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clearRuns, countClearBits, setBits } from '../../src/free-space/bits.ts'
import { crc16, crc32c } from '../../src/free-space/crc.ts'
import { randomIntegers } from './random.ts'

const BYTES = 24
const BITS = BYTES * 8

test('bits are set, counted and told in runs as one by one', () => {
  const random = randomIntegers(1)
  for (let round = 0; round < 2000; round += 1) {
    const bitmap = Buffer.alloc(BYTES)
    const plain = new Array<boolean>(BITS).fill(false)
    for (let step = random(5); step > 0; step -= 1) {
      const [from = 0, to = 0] = [random(BITS + 1), random(BITS + 1)].sort((one, other) => one - other)
      setBits(bitmap, from, to)
      plain.fill(true, from, to)
    }
    const bits = random(BITS + 1)
    const isSet = (bit: number) => ((bitmap[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0
    assert.deepEqual(
      plain.map((_, bit) => isSet(bit)),
      plain,
    )
    assert.equal(countClearBits(bitmap, bits), plain.slice(0, bits).filter((bit) => !bit).length)
    const told = new Array<boolean>(bits).fill(true)
    let last = -1
    for (const [from, to] of clearRuns(bitmap, bits)) {
      assert.ok(from > last && to > from && to <= bits, 'in order, apart and not empty')
      told.fill(false, from, to)
      last = to
    }
    assert.deepEqual(told, plain.slice(0, bits))
  }
})

test('the checksums are those of their catalogues', () => {
  const check = Buffer.from('123456789')
  assert.equal(~crc32c(check, 0xffffffff) >>> 0, 0xe3069283)
  assert.equal(crc16(check, 0), 0xbb3d)
  assert.equal(crc32c(check.subarray(4), crc32c(check.subarray(0, 4), 7)), crc32c(check, 7), 'in two parts as in one')
})
