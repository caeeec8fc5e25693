import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_MAP_STRETCHES } from '@shoal/api'
import { Bitfield } from '@shoal/core'
import fc from 'fast-check'
import { pieceMap } from '../src/piece-map.ts'

function present(length: number, blocks: Iterable<number>): Bitfield {
  const bits = new Bitfield(length)
  for (const block of blocks) bits.set(block)
  return bits
}

test('a small layer has a digit a block', () => {
  assert.equal(pieceMap(present(4, [0, 3])), 'f00f')
  assert.equal(pieceMap(present(1, [])), '0')
})

test('a large layer is told in stretches, by how much of each is here', () => {
  const map = pieceMap(present(1280, [...Array(10).keys(), 10, 11, 12, 13, 14, 25]))
  assert.equal(map.length, MAX_MAP_STRETCHES)
  assert.equal(map.slice(0, 4), 'f820')
})

test('nothing is never told as something, nor some as all or nothing', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), fc.array(fc.nat(1999), { maxLength: 300 }), (length, blocks) => {
      const bits = present(length, new Set(blocks.filter((block) => block < length)))
      const map = pieceMap(bits)
      assert.equal(map.length, Math.min(length, MAX_MAP_STRETCHES))
      assert.equal(map === '0'.repeat(map.length), bits.isEmpty)
      assert.equal(map === 'f'.repeat(map.length), bits.isFull)
    }),
  )
})
