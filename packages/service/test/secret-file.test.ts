import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { readOrCreateSecret } from '@shoal/service'

let directory: string
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shoal-secret-'))
})
after(() => rm(directory, { recursive: true }))

test('a secret is made once, for its owner only, and read from then on', async () => {
  const path = join(directory, 'made')
  const secret = await readOrCreateSecret(path)
  assert.match(secret, /^[\w-]{43}$/)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal(await readOrCreateSecret(path), secret)
})

test('processes that start at once get the same secret and leave no draft', async () => {
  const path = join(directory, 'raced')
  const secrets = await Promise.all(Array.from({ length: 8 }, () => readOrCreateSecret(path)))
  assert.equal(new Set(secrets).size, 1)
  assert.deepEqual(
    (await readdir(directory)).filter((name) => name.endsWith('.tmp')),
    [],
  )
})

test('a secret that an operator wrote is taken without its line break', async () => {
  const path = join(directory, 'written')
  await writeFile(path, 'correct-horse-battery\n')
  assert.equal(await readOrCreateSecret(path), 'correct-horse-battery')
})

test('an empty, short or many-worded file is refused, not replaced', async () => {
  for (const text of ['', 'short', 'several words on a line that is long']) {
    const path = join(directory, 'bad')
    await writeFile(path, text)
    await assert.rejects(readOrCreateSecret(path), { code: 'SHOAL_SECRET_FILE' })
  }
})

test('a directory that does not exist is a coded error', async () => {
  await assert.rejects(readOrCreateSecret(join(directory, 'absent', 'secret')), { code: 'SHOAL_SECRET_FILE' })
})
