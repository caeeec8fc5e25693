import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import bencode, { type Bencodable } from 'bencode'
import fc from 'fast-check'
import { bencodeEnd, decodeBencode, decodeDictionary, MESSAGE_BOUNDS } from '../src/bounded-bencode.ts'

const end = (text: string, bounds = MESSAGE_BOUNDS) => bencodeEnd(Buffer.from(text, 'latin1'), bounds)

describe('bencodeEnd', () => {
  for (const [name, text] of [
    ['a list whose string has a negative length, which the library reads for ever', 'l-3:'],
    ['a string of negative length', '-1:'],
    ['a signed length', '+1:a'],
    ['a length with a fraction', '1.5:a'],
    ['a string that ends behind the data', '5:ab'],
    ['a length with more digits than any message has', '0000000001:a'],
    ['a length without a colon', '12'],
    ['a colon without a length', ':a'],
    ['a list that does not end', 'l'],
    ['a dictionary that does not end', 'd'],
    ['a dictionary that does not end inside another', 'd1:ade'],
    ['a dictionary that ends at a value', 'd1:ae'],
    ['a key that is a number', 'di1e1:ae'],
    ['a key that is a list', 'dle1:ae'],
    ['a key that objects take for their prototype', 'd9:__proto__d1:ai1eee'],
    ['an integer that does not end', 'i1'],
    ['an integer without digits', 'ie'],
    ['a minus alone', 'i-e'],
    ['a fraction', 'i1.5e'],
    ['an integer beyond what a number holds', 'i9007199254740992e'],
    ['a huge integer', `i${'9'.repeat(1000)}e`],
    ['an end alone', 'e'],
    ['nothing', ''],
    ['no bencode', 'GET / HTTP/1.1'],
  ] as const) {
    it(`refuses ${name}`, () => assert.equal(end(text), undefined))
  }

  it('refuses depth, values and bytes beyond their bounds, and takes those at them', () => {
    const bounds = { maxBytes: 20, maxDepth: 3, maxValues: 4 }
    assert.equal(end('llleee', bounds), 6)
    assert.equal(end('lllleeee', bounds), undefined)
    assert.equal(end('li1ei2ei3ee', bounds), 11)
    assert.equal(end('li1ei2ei3ei4ee', bounds), undefined)
    assert.equal(end(`17:${'a'.repeat(17)}`, bounds), 20)
    assert.equal(end(`18:${'a'.repeat(18)}`, bounds), undefined)
  })

  it('takes integers up to the largest that a number holds', () => {
    assert.equal(end(`i${Number.MAX_SAFE_INTEGER}e`), 18)
    assert.equal(end(`i${Number.MIN_SAFE_INTEGER}e`), 19)
  })

  it('takes a bomb of a hundred thousand lists without descending into it', () => {
    assert.equal(end('l'.repeat(100_000)), undefined)
    assert.equal(end(`d1:a${'d1:a'.repeat(1000)}`), undefined)
  })

  it('says where a value ends that something follows', () => {
    assert.equal(end('d8:msg_typei1e5:piecei0eeDATA'), 25)
  })

  it('takes what is not canonical: unsorted keys, leading zeros', () => {
    assert.equal(end('d1:bi01e1:a02:xye'), 17)
    assert.equal(end('de'), 2)
    assert.equal(end('d0:0:e'), 6)
    assert.equal(end('i-5e'), 4)
  })
})

test('whatever the library encodes is taken, and decoded as it was', () => {
  const leaf = fc.oneof(
    fc.maxSafeInteger(),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Uint8Array.from(bytes)),
  )
  const { value } = fc.letrec<{ value: Bencodable }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.stringMatching(/^[a-z ]{1,10}$/), tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  }))
  const bounds = { maxBytes: 1 << 20, maxDepth: 100, maxValues: 100_000 }
  fc.assert(
    fc.property(value, (sent) => {
      const bytes = bencode.encode(sent)
      assert.deepEqual(decodeBencode(bytes, bounds), { value: bencode.decode(bytes), end: bytes.length })
    }),
    { numRuns: 300 },
  )
})

test('whatever is taken, the library decodes to its end', () => {
  const grammar = fc.stringMatching(/^[ilde0-3:a-]{0,24}$/)
  fc.assert(
    fc.property(grammar, (text) => {
      const decoded = decodeBencode(Buffer.from(text), MESSAGE_BOUNDS)
      if (decoded !== undefined) assert.notEqual(decoded.value, undefined)
    }),
    { numRuns: 5000 },
  )
})

test('a dictionary is taken alone, with nothing before or behind it', () => {
  const decode = (text: string) => decodeDictionary(Buffer.from(text), MESSAGE_BOUNDS)
  assert.deepEqual(decode('d1:ai1ee'), { a: 1 })
  for (const text of ['d1:ai1ee ', 'i1e', 'le', '', 'd']) assert.equal(decode(text), undefined)
})
