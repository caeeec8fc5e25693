import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reservations } from '../src/reservations.ts'

test('what was promised is promised until it ends, and ending it again changes nothing', () => {
  const reservations = new Reservations()
  const [one, other] = [reservations.add('one', 5), reservations.add('other', 7)]
  assert.deepEqual([one.name, one.bytes], ['one', 5])
  assert.deepEqual(
    [...reservations.promised()],
    [
      ['one', 5],
      ['other', 7],
    ],
  )
  one.end()
  one.end()
  assert.deepEqual([...reservations.promised()], [['other', 7]])
  other.end()
  assert.equal(reservations.promised().size, 0)
})

test('promises to one name are for one thing: the larger counts, and it counts until all have ended', () => {
  const reservations = new Reservations()
  const [small, large] = [reservations.add('one', 5), reservations.add('one', 9)]
  assert.deepEqual([...reservations.promised()], [['one', 9]])
  large.end()
  assert.deepEqual([...reservations.promised()], [['one', 5]])
  small.end()
  assert.equal(reservations.promised().size, 0)
})
