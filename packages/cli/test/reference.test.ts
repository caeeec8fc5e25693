import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { it } from 'node:test'
import { cliReference } from '../src/reference.ts'

it('is what docs/cli.md holds', async () => {
  const written = await readFile(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
  assert.equal(written, await cliReference(), 'Run: node packages/cli/src/write-reference.ts')
})
