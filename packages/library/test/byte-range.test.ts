import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseByteRange } from '../src/byte-range.ts'

const part = (start: number, end: number) => ({ kind: 'part', start, end })

test('no header asks for the whole image', () => {
  assert.deepEqual(parseByteRange(undefined, 10), { kind: 'whole' })
})

test('a range is inclusive at both ends, open at the end, or a suffix', () => {
  assert.deepEqual(parseByteRange('bytes=0-4', 10), part(0, 5))
  assert.deepEqual(parseByteRange('bytes=4-', 10), part(4, 10))
  assert.deepEqual(parseByteRange('bytes=-2', 10), part(8, 10))
  assert.deepEqual(parseByteRange('bytes=-200', 10), part(0, 10))
  assert.deepEqual(parseByteRange('bytes=4-99', 10), part(4, 10))
})

test('several ranges are told apart from nonsense and from a start past the end', () => {
  assert.deepEqual(parseByteRange('bytes=0-1,4-5', 10), { kind: 'several' })
  for (const header of ['bytes=10-', 'bytes=5-4', 'bytes=-', 'bytes=-0', 'chunks=0-1', 'bytes']) {
    assert.deepEqual(parseByteRange(header, 10), { kind: 'unsatisfiable' }, header)
  }
})

test('whatever the header says, a part lies within the image', () => {
  const header = fc.oneof(fc.string(), fc.stringMatching(/^bytes=\d{0,20}-\d{0,20}$/))
  fc.assert(
    fc.property(header, fc.nat(), (text, size) => {
      const range = parseByteRange(text, size)
      if (range.kind === 'part') assert.ok(range.start >= 0 && range.start <= range.end && range.end <= size)
    }),
  )
})
