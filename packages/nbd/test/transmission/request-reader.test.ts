import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { COMMAND } from '../../src/protocol.ts'
import { RequestReader } from '../../src/transmission/request-reader.ts'
import { encodeRequest } from '../nbd-client.ts'

const request = fc.record(
  {
    type: fc.constantFrom(0, 1, 3, 7, 0xffff),
    flags: fc.nat(0xffff),
    cookie: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    offset: fc.maxSafeNat(),
    length: fc.nat(300),
  },
  { noNullPrototype: true },
)

function fieldsOf({ type, flags, cookieHigh, cookieLow, offset, length }: RequestReader) {
  return { type, flags, cookie: (BigInt(cookieHigh) << 32n) | BigInt(cookieLow), offset, length }
}

describe('RequestReader', () => {
  test('finds the requests wherever the bytes are cut, and drops what writes carry', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 12 }), fc.array(fc.nat(4000), { maxLength: 12 }), (requests, cuts) => {
        const whole = Buffer.concat(
          requests.flatMap((each) => [
            encodeRequest(each),
            Buffer.alloc(each.type === COMMAND.write ? each.length : 0, 7),
          ]),
        )
        const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length]
        const reader = new RequestReader()
        const found: ReturnType<typeof fieldsOf>[] = []
        for (const [index, end] of places.entries()) {
          reader.push(whole.subarray(places[index - 1] ?? 0, end))
          while (reader.next()) found.push(fieldsOf(reader))
        }
        assert.deepEqual(found, requests)
        assert.equal(reader.unreadBytes, 0)
      }),
    )
  })

  test('an offset that no number holds is larger than any device', () => {
    const reader = new RequestReader()
    reader.push(encodeRequest({ type: 0, offset: 2n ** 64n - 1n }))
    assert.ok(reader.next())
    assert.ok(reader.offset > Number.MAX_SAFE_INTEGER)
  })

  test('what is no request, and a write that is too long, is an error', () => {
    for (const bytes of [
      encodeRequest({ type: 0, magic: 0 }),
      encodeRequest({ type: COMMAND.write, length: 32 * 1024 * 1024 + 1 }),
    ]) {
      const reader = new RequestReader()
      reader.push(bytes)
      assert.throws(() => reader.next(), { code: 'SHOAL_NBD_PROTOCOL' })
    }
  })
})
