import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { errnoOf } from '../src/errno.ts'
import { nbdError, nbdErrors } from '../src/errors.ts'
import { ERRNO } from '../src/protocol.ts'

test('the errno of every code is what docs/formats/nbd.md says', async () => {
  const page = await readFile(new URL('../../../docs/formats/nbd.md', import.meta.url), 'utf8')
  const documented = new Map<string, number>()
  for (const [, errno = '', codes = ''] of page.matchAll(/^\| E[A-Z]+ \| (\d+) \| (.*) \|$/gm)) {
    for (const [code] of codes.matchAll(/SHOAL_NBD_[A-Z_]+/g)) documented.set(code, Number(errno))
  }
  assert.equal(documented.size, 5)
  for (const code of Object.keys(nbdErrors) as (keyof typeof nbdErrors)[]) {
    assert.equal(errnoOf(nbdError(code)), documented.get(code) ?? ERRNO.EIO, code)
  }
})
