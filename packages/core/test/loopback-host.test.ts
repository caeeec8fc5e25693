import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLoopbackHost } from '@shoal/core'

test('only what this machine alone reaches is loopback', () => {
  for (const host of ['127.0.0.1', '127.3.2.1', '::1', '[::1]', 'localhost', 'LOCALHOST', '::ffff:127.0.0.1']) {
    assert.equal(isLoopbackHost(host), true, host)
  }
  const others = [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '127.example',
    '127.0.0.1.nip.io',
    '::ffff:10.0.0.1',
    'localhost.example',
    '',
  ]
  for (const host of others) assert.equal(isLoopbackHost(host), false, host)
})
