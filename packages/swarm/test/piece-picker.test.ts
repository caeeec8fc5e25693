import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bitfield } from '@shoal/core'
import fc from 'fast-check'
import { PiecePicker } from '../src/piece-picker.ts'

const bits = (length: number, set: readonly number[]) => {
  const field = new Bitfield(length)
  for (const index of set) field.set(index)
  return field
}

const pieceSets = fc.uniqueArray(fc.nat(63))

test('picks the rarest piece that the source has', () => {
  const picker = new PiecePicker(new Bitfield(8), () => 0.5)
  picker.count(bits(8, [0, 1, 2]), 1)
  picker.count(bits(8, [0, 2]), 1)
  assert.equal(picker.pick(bits(8, [0, 1, 2])), 1)
})

test('a choice is wanted, absent, held by the source, allowed, and the rarest of those', () => {
  fc.assert(
    fc.property(
      pieceSets,
      pieceSets,
      fc.array(pieceSets, { maxLength: 5 }),
      pieceSets,
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      (have, unwanted, peers, source, random) => {
        const picker = new PiecePicker(bits(64, have), () => random)
        for (const peer of peers) picker.count(bits(64, peer), 1)
        for (const piece of unwanted) picker.unwant(piece)
        const allowed = (piece: number) => piece % 3 !== 0
        const candidates = source.filter((p) => !have.includes(p) && !unwanted.includes(p) && allowed(p))
        const picked = picker.pick(bits(64, source), allowed)
        if (picked === undefined) return assert.deepEqual(candidates, [])
        assert.ok(candidates.includes(picked))
        const rarest = Math.min(...candidates.map((piece) => picker.availability(piece)))
        assert.equal(picker.availability(picked), rarest)
      },
    ),
  )
})

test('wanting and unwanting in any order keeps exactly the wanted pieces', () => {
  fc.assert(
    fc.property(pieceSets, fc.array(fc.tuple(fc.boolean(), fc.nat(63))), (have, steps) => {
      const picker = new PiecePicker(bits(64, have), () => 0)
      const model = new Set(Array.from({ length: 64 }, (_, piece) => piece).filter((piece) => !have.includes(piece)))
      for (const [want, piece] of steps) {
        if (want) picker.want(piece)
        else picker.unwant(piece)
        if (want && !have.includes(piece)) model.add(piece)
        else if (!want) model.delete(piece)
      }
      assert.equal(picker.wantedCount, model.size)
      for (let piece = 0; piece < 64; piece += 1) {
        assert.equal(picker.pick(bits(64, [piece])) === piece, model.has(piece))
      }
    }),
  )
})

test('finds the one piece a source has among 100,000 wanted', () => {
  const picker = new PiecePicker(new Bitfield(100_000), () => 0.1)
  assert.equal(picker.pick(bits(100_000, [99_999])), 99_999)
})
