import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock } from '@shoal/core'
import { formatBytes } from '../src/format/bytes.ts'
import { formatAgo, formatDuration } from '../src/format/duration.ts'
import { plainText } from '../src/format/plain-text.ts'
import { createProgress, formatProgressLine } from '../src/format/progress.ts'
import { formatFacts, formatTable } from '../src/format/table.ts'

const MIB = 1024 ** 2

it('shows sizes with three significant digits', () => {
  const shown = [0, 1023, 1024, 1536, 10 * MIB, 353 * MIB, 1023.9 * MIB, 1024 ** 4].map(formatBytes)
  assert.deepEqual(shown, ['0 B', '1023 B', '1.00 KiB', '1.50 KiB', '10.0 MiB', '353 MiB', '1.00 GiB', '1.00 TiB'])
})

it('shows durations in their two largest units', () => {
  const shown = [0, 999, 1000, 59_900, 59_990, 245_000, 7_380_000, 90_000_000].map(formatDuration)
  assert.deepEqual(shown, ['0 ms', '999 ms', '1.0 s', '59.9 s', '1 min 0 s', '4 min 5 s', '2 h 3 min', '1 d 1 h'])
})

it('shows a time of a clock that is ahead as now', () => {
  assert.equal(formatAgo('2026-01-01T00:00:10Z', Date.parse('2026-01-01T00:00:00Z')), '0 s ago')
  assert.equal(formatAgo('2026-01-01T00:00:00Z', Date.parse('2026-01-01T01:59:00Z')), '1 h ago')
})

it('aligns columns and ends lines without spaces', () => {
  const table = formatTable(
    [
      { name: 'a', size: 5 },
      { name: 'long', size: 1234 },
    ],
    [
      { title: 'SIZE', align: 'right', value: ({ size }) => String(size) },
      { title: 'NAME', value: ({ name }) => name },
    ],
  )
  assert.equal(table, 'SIZE  NAME\n   5  a\n1234  long')
  assert.equal(
    formatFacts([
      ['a', '1'],
      ['long', ''],
    ]),
    'a     1\nlong  -',
  )
})

it('keeps no character that moves the cursor or turns text around', () => {
  assert.equal(plainText('a\nb\tc\u001b[31md\u202ee\u0007'), 'a b c?[31md?e?')
})

it('says rate and time left while something is under way', () => {
  const state = { label: 'import x', doneBytes: 25 * MIB, totalBytes: 100 * MIB, rateBytesPerSecond: 5 * MIB }
  assert.equal(formatProgressLine(state), 'import x: 25 % of 100 MiB, 5.00 MiB/s, 15 s left')
  assert.equal(formatProgressLine({ ...state, doneBytes: 100 * MIB, note: 'done' }), 'import x: 100 % of 100 MiB, done')
  assert.equal(formatProgressLine({ ...state, totalBytes: 0, doneBytes: 0 }), 'import x: 100 % of 0 B')
})

it('prints plain lines when something is new or five seconds have passed', () => {
  const clock = new ManualClock(0)
  const lines: string[] = []
  const progress = createProgress({ clock, line: (text) => lines.push(text) }, { bar: undefined })
  const at = (doneBytes: number, note?: string) =>
    progress.update({
      label: 'x',
      doneBytes,
      totalBytes: 100,
      rateBytesPerSecond: 0,
      ...(note === undefined ? {} : { note }),
    })
  at(1)
  at(2)
  clock.advance(5000)
  at(3)
  at(4, 'new')
  at(100, 'new')
  at(100, 'new')
  progress.stop()
  assert.deepEqual(lines, ['x: 1 % of 100 B', 'x: 3 % of 100 B', 'x: 4 % of 100 B, new', 'x: 100 % of 100 B, new'])
})
