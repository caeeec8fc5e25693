import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bitfield } from '@shoal/core'
import fc from 'fast-check'
import { PieceSet } from '../../src/scheduler/piece-set.ts'
import { pieceSet } from './scheduler-fixture.ts'

const LENGTH = 2500
const pieces = fc.uniqueArray(fc.nat(LENGTH - 1), { maxLength: LENGTH, size: 'max' })

test('it does what a Set of numbers does', () => {
  const change = fc.record({ isAdd: fc.boolean(), piece: fc.nat(LENGTH - 1) })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200, size: 'max' }), (changes) => {
      const set = new PieceSet(LENGTH)
      const model = new Set<number>()
      for (const { isAdd, piece } of changes) {
        const isChange = isAdd !== model.has(piece)
        assert.equal(isAdd ? set.add(piece) : set.delete(piece), isChange)
        if (isAdd) model.add(piece)
        else model.delete(piece)
        assert.equal(set.has(piece), isAdd)
        assert.equal(set.count, model.size)
      }
      assert.deepEqual(
        [...set],
        [...model].sort((a, b) => a - b),
      )
    }),
  )
})

test('what two sets share is visited once, in order from anywhere and around', () => {
  fc.assert(
    fc.property(pieces, pieces, fc.nat(LENGTH - 1), (one, other, start) => {
      const visited: number[] = []
      pieceSet(LENGTH, one).visitCommon(pieceSet(LENGTH, other), start, (piece) => visited.push(piece) > 0)
      const common = one.filter((piece) => other.includes(piece)).sort((a, b) => a - b)
      const expected = [...common.filter((piece) => piece >= start), ...common.filter((piece) => piece < start)]
      assert.deepEqual(visited, expected)
    }),
  )
})

test('a visit ends when it is told to', () => {
  const visited: number[] = []
  const set = pieceSet(LENGTH, [1, 40, 41, 2499])
  set.visitCommon(set, 40, (piece) => visited.push(piece) < 2)
  assert.deepEqual(visited, [40, 41])
})

test('it counts and adds what two sets share, and becomes a bitfield and back', () => {
  fc.assert(
    fc.property(pieces, pieces, (one, other) => {
      const common = one.filter((piece) => other.includes(piece)).sort((a, b) => a - b)
      const set = pieceSet(LENGTH, one)
      assert.equal(set.countCommon(pieceSet(LENGTH, other)), common.length)
      const sum = new PieceSet(LENGTH)
      sum.addCommon(set, pieceSet(LENGTH, other))
      assert.deepEqual([...sum], common)
      assert.deepEqual([...new PieceSet(LENGTH, new Bitfield(LENGTH, set.toBytes()))], [...set])
    }),
  )
})

test('it is full when all are in', () => {
  const set = pieceSet(3, [0, 1])
  assert.equal(set.isFull, false)
  set.add(2)
  assert.equal(set.isFull, true)
})
