import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')
const text = readFileSync(join(root, 'docs/intruders.md'), 'utf8')
const rows = text.split('\n').filter((line) => line.startsWith('| ') && !/^\| (?:---|intruder|flood) \|/.test(line))

/** What the issue names; each has its row. */
const NAMED = [
  ...[
    'no certificate',
    'another authority',
    'revoked',
    'expired',
    "another node's identity",
    'handshake that is replayed',
  ],
  ...[
    'BitTorrent client',
    'announce',
    'DHT poisoning',
    'manifest that is swapped',
    'path traversal',
    'another project',
  ],
  ...['doing writes', 'SSRF', 'over its age', 'runs out during a stream', 'runs out during a wire or lane'],
]

/** The test file that a short path means. */
function fileOf(path: string): string {
  return join(root, path.startsWith('test/') ? `${path}.test.ts` : `packages/${path}.test.ts`)
}

test('every intruder and flood is shown by tests that exist, by file and name', () => {
  let named = 0
  for (const row of rows) {
    const shown = [...row.matchAll(/`([\w./-]+)`: "([^"]+)"/g)]
    assert.ok(shown.length > 0, row)
    for (const [, path = '', name = ''] of shown) {
      assert.ok(existsSync(fileOf(path)), `${path} does not exist: ${row}`)
      const source = readFileSync(fileOf(path), 'utf8')
      assert.ok(source.includes(name), `${path} has no test "${name}"`)
      named += 1
    }
  }
  assert.ok(named > 45, `${named} tests`)
})

test('every intruder of the table is refused and told of, and none that we know is missing', () => {
  const intruders = rows.map((row) => row.split(' | ')).filter((cells) => cells.length === 3)
  for (const [who, , told = ''] of intruders) assert.ok(told.replace(/\|\s*$/, '').trim().length > 5, who)
  const all = intruders.map(([who]) => who).join('\n')
  for (const name of NAMED) assert.ok(all.includes(name), `${name} has no row`)
})
