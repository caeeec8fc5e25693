import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { errnoOf } from '../src/errno.ts'
import { nbdError, nbdErrors } from '../src/errors.ts'
import { defaultNbdLimits } from '../src/limits.ts'
import { ERRNO } from '../src/protocol.ts'

const page = await readFile(new URL('../../../docs/formats/nbd.md', import.meta.url), 'utf8')
const MIB = 1024 * 1024

test('the errno of every code is what docs/formats/nbd.md says', () => {
  const documented = new Map<string, number>()
  for (const [, errno = '', codes = ''] of page.matchAll(/^\| E[A-Z]+ \| (\d+) \| (.*) \|$/gm)) {
    for (const [code] of codes.matchAll(/SHOAL_NBD_[A-Z_]+/g)) documented.set(code, Number(errno))
  }
  assert.equal(documented.size, 5)
  for (const code of Object.keys(nbdErrors) as (keyof typeof nbdErrors)[]) {
    assert.equal(errnoOf(nbdError(code)), documented.get(code) ?? ERRNO.EIO, code)
  }
})

test('the limits are what docs/formats/nbd.md says', () => {
  const limits = defaultNbdLimits
  for (const row of [
    `| connections | ${limits.connections};`,
    `| handshake, with the search for the export | ${limits.handshakeMs / 1000} s |`,
    `| requests of a connection whose reply has not left | ${limits.requestsPerConnection} |`,
    `| reply buffers of a connection | ${limits.bytesPerConnection / MIB} MiB,`,
    `| replies that are under way at \`DISC\` | ${limits.disconnectMs / 1000} s |`,
    `| reply buffers of all connections | ${limits.sharedBytes / MIB} MiB, and ${limits.ownBytesPerConnection / MIB} MiB`,
  ]) {
    assert.ok(page.includes(row), row)
  }
})
