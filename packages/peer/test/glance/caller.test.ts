import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { CallerNames, callerHeaders } from '../../src/glance/caller.ts'

test('a caller is named by all that may say who it is, in any order, and by nothing else', () => {
  const names = new CallerNames()
  const name = names.nameOf(['X-Auth-Token', 'secret', 'X-Service-Token', 'other'])
  equal(names.nameOf(['x-service-token', 'other', 'User-Agent', 'nova', 'x-auth-token', 'secret', 'Accept', 'x']), name)
  const others = [
    ['X-Auth-Token', 'secret'],
    ['X-Auth-Token', 'other', 'X-Service-Token', 'secret'],
    ['X-Auth-Token', 'secret', 'X-Service-Token', 'other', 'X-Roles', 'admin'],
    ['X-Auth-Token', 'secret\nx-service-token: other'],
    [],
  ]
  for (const headers of others) notEqual(names.nameOf(headers), name, headers.join())
  equal(new Set(others.map((headers) => names.nameOf(headers))).size, others.length)
})

test('a name gives nothing away, and is good in one process alone', () => {
  const headers = ['X-Auth-Token', 'secret']
  const name = new CallerNames().nameOf(headers)
  ok(/^[\w-]{43}$/.test(name))
  notEqual(new CallerNames().nameOf(headers), name)
})

test("a caller's other requests carry what it proves itself by, not what it asked for", () => {
  deepEqual(callerHeaders(['Host', 'h', 'X-Auth-Token', 't', 'Range', 'bytes=0-1', 'Accept-Encoding', 'gzip']), [
    ...['Host', 'h', 'X-Auth-Token', 't', 'Accept', '*/*', 'Accept-Encoding', 'identity'],
  ])
})
