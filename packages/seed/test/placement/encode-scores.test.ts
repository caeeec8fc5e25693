import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { encodeScores } from '../../src/placement/encode-scores.ts'
import { decodeScores } from './decode-scores.ts'

it('encodes any scores so that they can be read again, as runs only where those are short', () => {
  const few = fc.array(fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 30 })
  const runs = few.map((parts) => Uint8Array.from(parts.flatMap(([score, count]) => new Array(count).fill(score))))
  fc.assert(
    fc.property(fc.oneof(runs, fc.uint8Array({ minLength: 1, maxLength: 300 })), (scores) => {
      const encoded = encodeScores(scores)
      if (encoded === undefined) return assert.ok(scores.every((score) => score === 0))
      assert.deepEqual(decodeScores(encoded, scores.length), scores)
      const dense = JSON.stringify({ dense: Buffer.from(scores).toString('base64') })
      assert.ok(JSON.stringify(encoded).length <= dense.length + 40)
    }),
  )
})

it('says nothing where no node is better than one without Shoal', () => {
  assert.deepEqual(encodeScores(new Uint8Array(1000).fill(7)), { runs: [0, 1000, 7] })
  assert.equal(encodeScores(new Uint8Array(1000)), undefined)
})

it('tells of few nodes as runs, of many unlike ones as octets', () => {
  const scores = new Uint8Array(10_000)
  scores.fill(255, 40, 60)
  assert.deepEqual(encodeScores(scores), { runs: [40, 20, 255] })
  for (let node = 0; node < scores.length; node += 1) scores[node] = node % 251
  assert.ok('dense' in (encodeScores(scores) ?? {}))
})
