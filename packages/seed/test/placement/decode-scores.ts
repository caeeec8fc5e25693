import assert from 'node:assert/strict'

/** Reads scores as docs/formats/scheduler-snapshot.md says, and checks that they keep its rules. */
export function decodeScores(encoded: object, nodes: number): Uint8Array {
  if ('dense' in encoded) {
    const octets = Buffer.from(String(encoded.dense), 'base64')
    assert.equal(octets.length, nodes)
    return new Uint8Array(octets)
  }
  assert.ok('runs' in encoded && Array.isArray(encoded.runs) && encoded.runs.length % 3 === 0)
  const numbers = encoded.runs as number[]
  const scores = new Uint8Array(nodes)
  let end = 0
  for (let at = 0; at < numbers.length; at += 3) {
    const [first = -1, count = 0, score = -1] = numbers.slice(at, at + 3)
    assert.ok(first >= end && count >= 1 && first + count <= nodes && score >= 0 && score <= 255)
    end = first + count
    scores.fill(score, first, end)
  }
  return scores
}
