import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { StagingFile } from '../../src/imports/staging-file.ts'

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'shoal-staging-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}

it('keeps the durable prefix and drops what lies behind it', async (t) => {
  const path = join(await directory(t), 'staged')
  await writeFile(path, 'durable and not')
  const { staging, keptBytes } = await StagingFile.open('i', path, { keepBytes: 7 })
  await using file = staging
  assert.equal(keptBytes, 7)
  await file.write(Buffer.from('!'), 7)
  assert.equal(await readFile(path, 'utf8'), 'durable!')
})

it('starts from zero when the file has less than what should be durable', async (t) => {
  const path = join(await directory(t), 'staged')
  await writeFile(path, 'short')
  const { staging, keptBytes } = await StagingFile.open('i', path, { keepBytes: 7 })
  await staging[Symbol.asyncDispose]()
  assert.equal(keptBytes, 0)
  assert.equal((await readFile(path)).length, 0)
})

it('says in codes that the disk is full or that the file cannot be used', async (t) => {
  const { staging } = await StagingFile.open('i', '/dev/full', { keepBytes: 0 })
  await using file = staging
  await assert.rejects(file.write(Buffer.from('x'), 0), { code: 'SHOAL_IMPORT_NO_SPACE' })
  const link = join(await directory(t), 'link')
  await symlink('/etc/hostname', link)
  await assert.rejects(StagingFile.open('i', link, { keepBytes: 0 }), { code: 'SHOAL_IMPORT_IO' })
})
