import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readRuns } from '../../src/transmission/read-runs.ts'
import { statusDescriptors } from '../../src/transmission/status-descriptors.ts'

const extent = fc.record({ length: fc.integer({ min: 1, max: 20_000 }), isHole: fc.boolean(), isZero: fc.boolean() })
const extents = fc.array(extent, { maxLength: 12 })

describe('readRuns', () => {
  test('covers the read in order, and what it calls zeros the device does too', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.integer({ min: 1, max: 100_000 }), extents, (offset, length, told) => {
        const zeros = new Uint8Array(length)
        let at = 0
        for (const { length: told_, isZero } of told) {
          if (isZero) zeros.fill(1, at, at + told_)
          at += told_
        }
        let next = offset
        for (const run of readRuns(offset, length, told)) {
          assert.equal(run.offset, next)
          assert.ok(run.length > 0)
          next += run.length
          if (!run.isZero) continue
          assert.ok(run.length >= 4096)
          assert.ok(zeros.subarray(run.offset - offset, next - offset).every((isZero) => isZero === 1))
          assert.ok(run.offset % 512 === 0 || run.offset === offset)
          assert.ok(next % 512 === 0 || next === offset + length)
        }
        assert.equal(next, offset + length)
      }),
    )
  })

  test('joins zeros of several extents, and leaves short ones and unknown contents to the device', () => {
    const zero = { isHole: false, isZero: true }
    assert.deepEqual(
      readRuns(0, 16_384, [
        { length: 4000, ...zero },
        { length: 4192, ...zero, isHole: true },
      ]),
      [
        { offset: 0, length: 8192, isZero: true },
        { offset: 8192, length: 8192, isZero: false },
      ],
    )
    const all = [{ offset: 100, length: 9000, isZero: false }]
    assert.deepEqual(readRuns(100, 9000, [{ length: 4095, ...zero }]), all)
    assert.deepEqual(readRuns(100, 9000, [{ length: 9000, isHole: true, isZero: false }]), all)
    assert.deepEqual(readRuns(100, 9000, []), all)
  })
})

describe('statusDescriptors', () => {
  test('tell what the device does, as far as they go, and neighbours differ', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        extents,
        fc.integer({ min: 1, max: 6 }),
        (length, told, maxCount) => {
          const expected: number[] = []
          for (const { length: run, isHole, isZero } of told) {
            for (let n = 0; n < run; n += 1) expected.push((isHole ? 1 : 0) + (isZero ? 2 : 0))
          }
          const descriptors = statusDescriptors(length, told, maxCount)
          assert.ok(descriptors.length >= 1 && descriptors.length <= maxCount)
          let at = 0
          for (const [index, { length: run, status }] of descriptors.entries()) {
            assert.ok(run > 0)
            assert.notEqual(status, descriptors[index - 1]?.status)
            if (told.length > 0) assert.ok(expected.slice(at, at + run).every((each) => each === status))
            at += run
          }
          assert.ok(at <= length)
        },
      ),
    )
  })

  test('a range of which nothing is known counts as stored', () => {
    assert.deepEqual(statusDescriptors(77, [], 5), [{ length: 77, status: 0 }])
  })
})
