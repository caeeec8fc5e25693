import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Operation, operations } from '@shoal/api'
import { Compile } from 'typebox/compile'

/** What would lead a file name, a key or a log line astray. */
const HOSTILE = [
  ...['.', '..', '../x', '../../etc/passwd', '/etc/passwd', 'a/b', 'a/../b', 'a/', '/', './a', 'a\\..\\b', 'C:\\x'],
  ...[
    '..%2f',
    '%2e%2e/',
    '.%00',
    'a\0',
    'a\0.raw',
    'a\nb',
    'a\r\nx: y',
    '\u001b[2J',
    'a b',
    ' a',
    '',
    '~',
    '$HOME',
    '`id`',
  ],
  ...[
    'sha256:../../x',
    `sha256:${'a'.repeat(63)}/`,
    '00000000-0000-4000-8000-00000000000/',
    'plan-../../xx',
    '․․/x',
    'ａ',
  ],
  ...['x'.repeat(300), '__proto__/x', '..a/..', '-rf/', '*', '?', 'a;b', "a'b", 'a"b'],
]

test('no name in a path of the API can lead out of a directory, whatever the operation', () => {
  let names = 0
  for (const { id, params } of Object.values<Operation>(operations)) {
    for (const [name, schema] of Object.entries(params?.properties ?? {})) {
      const validator = Compile(schema)
      names += 1
      for (const hostile of HOSTILE) {
        assert.equal(validator.Check(hostile), false, `${id} takes ${JSON.stringify(hostile)} for ${name}`)
      }
    }
  }
  assert.ok(names > 40, `${names} names`)
})
