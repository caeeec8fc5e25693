import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { copyTree, findFiles } from '../infra/dev/image-content.ts'

const KIB = 1024

async function folderOf(t: TestContext, files: Record<string, { bytes: number; mode?: number }>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-content-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  for (const [name, { bytes, mode = 0o644 }] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), Buffer.alloc(bytes, name))
    await chmod(join(folder, name), mode)
  }
  return folder
}

test('a file that not everyone may read does not get into an image', async (t) => {
  const folder = await folderOf(t, { secret: { bytes: 20 * KIB, mode: 0o600 }, open: { bytes: 20 * KIB } })
  const found = await findFiles([folder], { budgetBytes: 100 * KIB })
  assert.deepEqual(
    found.map(({ path }) => path),
    [join(folder, 'open')],
  )
})

test('files are taken in order of their paths while they fit the budget', async (t) => {
  const folder = await folderOf(t, {
    'a/1': { bytes: 30 * KIB },
    'a/2': { bytes: 50 * KIB },
    'b/3': { bytes: 30 * KIB },
  })
  const found = await findFiles([join(folder, 'missing'), folder], { budgetBytes: 70 * KIB, as: '/opt/x' })
  assert.deepEqual(
    found.map(({ imagePath }) => imagePath),
    ['/opt/x/a/1', '/opt/x/b/3'],
  )
})

test('copies lie below the folder at their paths in the image, with content and times', async (t) => {
  const folder = await folderOf(t, { 'a/1': { bytes: 30 * KIB } })
  const files = await findFiles([folder], { budgetBytes: 70 * KIB, as: '/opt/x' })
  const target = join(folder, 'tree')
  await copyTree(files, target)
  const copy = join(target, 'opt/x/a/1')
  assert.ok((await readFile(copy)).equals(await readFile(join(folder, 'a/1'))))
  assert.equal(Math.floor((await stat(copy)).mtimeMs), files[0]?.modifiedMs)
})
