import assert from 'node:assert/strict'
import { it } from 'node:test'
import { errorMessage } from '@shoal/core'
import fc from 'fast-check'
import { parseMoment } from '../src/format/moment.ts'

const NOW = Date.parse('2026-01-01T00:00:00.000Z')

it('a time with its zone and a duration from now are the same moment', () => {
  for (const [text, expected] of [
    ['2026-01-01T18:00:00Z', '2026-01-01T18:00:00.000Z'],
    ['2026-01-01T18:00:00+02:00', '2026-01-01T16:00:00.000Z'],
    ['2026-01-01T18:00Z', '2026-01-01T18:00:00.000Z'],
    ['2028-02-29T00:00:00.5Z', '2028-02-29T00:00:00.500Z'],
    ['90m', '2026-01-01T01:30:00.000Z'],
    ['90 min', '2026-01-01T01:30:00.000Z'],
    [' 1.5h ', '2026-01-01T01:30:00.000Z'],
    ['30s', '2026-01-01T00:00:30.000Z'],
    ['7d', '2026-01-08T00:00:00.000Z'],
    ['2w', '2026-01-15T00:00:00.000Z'],
  ] as const) {
    assert.equal(parseMoment(text, NOW), expected, text)
  }
})

it('what is no moment to come is refused with the reason', () => {
  for (const [text, reason] of [
    ['', /is no time/],
    ['tomorrow', /is no time/],
    ['2h30m', /is no time/],
    ['-2h', /is no time/],
    ['2 months', /is no time/],
    ['2026-01-31', /is no time/],
    ['2026-06-31T00:00:00Z', /is no time/],
    ['2026-13-01T00:00:00Z', /is no time/],
    ['2026-01-31T25:00:00Z', /is no time/],
    ['2026-01-31T18:00:00', /has no time zone/],
    ['2025-12-31T23:59:59Z', /is over already/],
    ['2026-01-01T00:00:00Z', /is over already/],
    ['0h', /is over already/],
    ['999999999w', /is too far away/],
  ] as const) {
    assert.throws(
      () => parseMoment(text, NOW),
      (error) => {
        assert.equal((error as { code?: unknown }).code, 'SHOAL_CLI_USAGE', text)
        assert.match(errorMessage(error), reason, text)
        return true
      },
    )
  }
})

it('any time to come is read as it was written', () => {
  fc.assert(
    fc.property(fc.integer({ min: NOW + 1, max: Date.parse('9999-01-01T00:00:00Z') }), (at) => {
      const text = new Date(at).toISOString()
      assert.equal(parseMoment(text, NOW), text)
    }),
  )
})
