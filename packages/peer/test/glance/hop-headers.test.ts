import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { endToEnd, values } from '../../src/glance/hop-headers.ts'

test('lines of one connection, and those it names, stay behind; the rest keeps order and spelling', () => {
  const lines = [
    ...['X-Auth-Token', 't', 'Connection', 'close, X-Mine', 'x-mine', '1', 'TE', 'trailers', 'Set-Cookie', 'a=1'],
    ...['Transfer-Encoding', 'chunked', 'set-cookie', 'b=2', 'Keep-Alive', 'timeout=5', 'Host', 'here'],
  ]
  const kept = ['X-Auth-Token', 't', 'Set-Cookie', 'a=1', 'set-cookie', 'b=2']
  deepEqual(endToEnd(lines), [...kept, 'Host', 'here'])
  deepEqual(endToEnd(lines, new Set(['host'])), kept)
  deepEqual(values(lines, 'set-cookie'), ['a=1', 'b=2'])
})
