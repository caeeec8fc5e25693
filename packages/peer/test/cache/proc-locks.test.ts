import { deepEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseLocks } from '../../src/cache/proc-locks.ts'

test('locks of every type are found, those that are waited for as well', () => {
  const text = [
    '1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF',
    '2: OFDLCK ADVISORY  READ -1 08:01:77 100 201',
    '2: -> OFDLCK ADVISORY  WRITE -1 08:01:78 100 100',
    '3: FLOCK  ADVISORY  WRITE 2130 00:1A:1234 0 EOF',
    '4: LEASE  ACTIVE    READ 0 00:2a:18446744073709551615 0 EOF',
    '5: POSIX  ADVISORY  READ 12 <none>:0 0 EOF',
    '',
  ]
  deepEqual(parseLocks(text.join('\n')), [
    { inode: '2531452', pid: 3568 },
    { inode: '77', pid: undefined },
    { inode: '78', pid: undefined },
    { inode: '1234', pid: 2130 },
    { inode: '18446744073709551615', pid: undefined },
  ])
})

test('whatever else is between them, well-formed lines are found and nothing is thrown', () => {
  const lock = fc.record({
    inode: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    pid: fc.integer({ min: -1, max: 2 ** 22 }),
  })
  const line = fc.oneof(lock, fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789abcf: \t->') }))
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const text = lines.map((entry) => {
        if (typeof entry === 'string') return entry
        return `7: POSIX  ADVISORY  READ ${entry.pid} 08:01:${entry.inode} 0 EOF`
      })
      const found = parseLocks(text.join('\n'))
      for (const entry of lines) {
        if (typeof entry === 'string') continue
        const pid = entry.pid > 0 ? entry.pid : undefined
        ok(found.some((other) => other.inode === String(entry.inode) && other.pid === pid))
      }
    }),
  )
})
