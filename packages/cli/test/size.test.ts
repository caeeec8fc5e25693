import assert from 'node:assert/strict'
import { it } from 'node:test'
import { errorCode, errorMessage } from '@shoal/core'
import fc from 'fast-check'
import { BYTE_UNITS } from '../src/format/byte-units.ts'
import { parseSize } from '../src/format/size.ts'

it('a size is read as people write it', () => {
  for (const [text, expected] of [
    ['10GiB', 10 * 1024 ** 3],
    ['10 gib', 10 * 1024 ** 3],
    ['500MB', 500e6],
    ['1.5TB', 1.5e12],
    ['0.5KiB', 512],
    ['4096', 4096],
    ['4096B', 4096],
  ] as const) {
    assert.equal(parseSize(text), expected, text)
  }
})

it('what is no size, nothing or far too much is refused with the reason', () => {
  for (const [text, reason] of [
    ['', /is no size/],
    ['much', /is no size/],
    ['-1GiB', /is no size/],
    ['1e9', /is no size/],
    ['1 GiB/s', /is no size/],
    ['10G', /unit that is not known/],
    ['400Mbit', /unit that is not known/],
    ['0GiB', /is nothing/],
    ['0.1B', /is nothing/],
    ['9999999999TiB', /more than any disk/],
  ] as const) {
    assert.throws(
      () => parseSize(text),
      (error) => errorCode(error) === 'SHOAL_CLI_USAGE' && reason.test(errorMessage(error)),
      text,
    )
  }
})

it('a whole number of any unit is exact', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8000 }), fc.constantFrom(...BYTE_UNITS), (count, [name, bytes]) => {
      assert.equal(parseSize(`${count} ${name}`), count * bytes)
    }),
  )
})
