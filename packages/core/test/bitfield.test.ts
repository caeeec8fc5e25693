import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Bitfield } from '@shoal/core'
import fc from 'fast-check'

describe('Bitfield', () => {
  test('holds bits most significant first and clears spare bits', () => {
    const bits = new Bitfield(10, Uint8Array.of(0b1010_0000, 0xff))
    assert.deepEqual([...bits.ones()], [0, 2, 8, 9])
    assert.deepEqual([...bits.toBytes()], [0b1010_0000, 0b1100_0000])
    assert.equal(bits.count, 4)
  })

  test('pads short input and ignores long input', () => {
    assert.deepEqual([...new Bitfield(20, Uint8Array.of(0x80)).ones()], [0])
    assert.equal(new Bitfield(4, Uint8Array.of(0xff, 0xff)).count, 4)
  })

  test('says whether a change was one', () => {
    const bits = new Bitfield(3)
    assert.deepEqual([bits.set(1), bits.set(1), bits.clear(1), bits.clear(1)], [true, false, true, false])
  })

  test('is empty, full, or neither', () => {
    const bits = new Bitfield(9)
    assert.deepEqual([bits.isEmpty, bits.isFull], [true, false])
    bits.set(8)
    assert.deepEqual([bits.isEmpty, bits.isFull], [false, false])
    bits.setAll()
    assert.deepEqual([bits.isEmpty, bits.isFull, bits.count], [false, true, 9])
    assert.equal(new Bitfield(0).isFull, true)
  })

  test('has nothing outside its length, and changing that is a RangeError', () => {
    const bits = new Bitfield(8)
    bits.setAll()
    for (const index of [-1, 8, 1e9]) assert.equal(bits.has(index), false)
    for (const index of [-1, 8, 0.5, Number.NaN]) {
      assert.throws(() => bits.set(index), RangeError)
      assert.throws(() => bits.clear(index), RangeError)
    }
    for (const length of [-1, 0.5, Number.NaN]) assert.throws(() => new Bitfield(length), TypeError)
  })

  test('does not share memory with what it was made from or gives away', () => {
    const source = Uint8Array.of(0x80)
    const bits = new Bitfield(8, source)
    source[0] = 0
    bits.toBytes()[0] = 0
    assert.equal(bits.has(0), true)
  })

  test('agrees with a set of numbers after any sequence of changes', () => {
    const change = fc.record({ index: fc.nat(40), isSet: fc.boolean() })
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const bits = new Bitfield(41)
        const expected = new Set<number>()
        for (const { index, isSet } of changes) {
          assert.equal(isSet ? bits.set(index) : bits.clear(index), expected.has(index) !== isSet)
          if (isSet) expected.add(index)
          else expected.delete(index)
        }
        const ones = [...expected].sort((a, b) => a - b)
        assert.deepEqual([...bits.ones()], ones)
        assert.deepEqual([...bits.zeros()].length, 41 - ones.length)
        assert.equal(bits.count, ones.length)
        assert.deepEqual([...new Bitfield(41, bits.toBytes()).ones()], ones)
      }),
    )
  })
})
