import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../src/seeded-random.ts'

test('the same seed gives the same numbers, from 0 up to 1 and spread evenly', () => {
  const [one, same] = [seededRandom(7), seededRandom(7)]
  const counts = new Array<number>(10).fill(0)
  for (let draw = 0; draw < 10_000; draw += 1) {
    const number = one()
    assert.equal(same(), number)
    assert.ok(number >= 0 && number < 1)
    const tenth = Math.floor(number * 10)
    counts[tenth] = (counts[tenth] ?? 0) + 1
  }
  assert.ok(
    counts.every((count) => count > 900 && count < 1100),
    String(counts),
  )
  assert.notEqual(seededRandom(8)(), seededRandom(7)())
})
