import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { tryNovaLock } from '../../src/nova-cache/nova-lock.ts'
import { lockAsNova } from './python-lock.ts'

async function lockPath(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-lock-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'nova-0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33')
}

test('Nova waits for our lock, and gets it when that ends', async (t) => {
  const path = await lockPath(t)
  const ours = await tryNovaLock(path, {})
  ok(ours !== undefined)
  {
    await using theirs = await lockAsNova(path)
    equal(theirs.isLocked, false)
  }
  ours.release()
  ours.release()
  await using theirs = await lockAsNova(path)
  equal(theirs.isLocked, true)
})

test('while Nova has the lock we do not get it; nor does another part of this process while we have it', async (t) => {
  const path = await lockPath(t)
  {
    await using theirs = await lockAsNova(path)
    equal(theirs.isLocked, true)
    equal(await tryNovaLock(path, {}), undefined)
    // A failed attempt must not have ended anything.
    equal(await tryNovaLock(path, {}), undefined)
  }
  using ours = await tryNovaLock(path, {})
  ok(ours !== undefined)
  equal(await tryNovaLock(path, {}), undefined)
  await using theirs = await lockAsNova(path)
  equal(theirs.isLocked, false)
})

test('the file is empty, alone, and writable for its group', async (t) => {
  const path = await lockPath(t)
  const umask = process.umask(0o077)
  t.after(() => process.umask(umask))
  using ours = await tryNovaLock(path, {})
  ok(ours !== undefined)
  const { mode, size } = await stat(path)
  equal(mode & 0o777, 0o664)
  equal(size, 0)
  ours.release()
  equal((await stat(path)).size, 0)
  deepEqual(await readdir(join(path, '..')), [path.slice(path.lastIndexOf('/') + 1)])
})

test('a lock file that would be closed to Nova is not made', { skip: process.getuid?.() !== 0 }, async (t) => {
  const path = await lockPath(t)
  await rejects(tryNovaLock(path, { uid: 12345, gid: 12345 }), { code: 'SHOAL_NOVA_PERMISSION' })
  equal((await readdir(join(path, '..'))).length, 0)
})

test('a lock file that may only be read is not taken for locked', { skip: process.getuid?.() !== 0 }, async (t) => {
  const path = await lockPath(t)
  await chmod(join(path, '..'), 0o777)
  await writeFile(path, '')
  await chmod(path, 0o644)
  // As a peer without privileges, for whom Nova's own files are.
  process.seteuid?.(65534)
  try {
    await rejects(tryNovaLock(path, {}), { code: 'SHOAL_NOVA_LOCK' })
  } finally {
    process.seteuid?.(0)
  }
})

test('what is no lock file is left as it is', async (t) => {
  const path = await lockPath(t)
  await writeFile(path, 'something that somebody wrote. '.repeat(100))
  await rejects(tryNovaLock(path, {}), { code: 'SHOAL_NOVA_LOCK' })
  await chmod(path, 0o644)
  equal((await stat(path)).size, 3100)
  await rejects(tryNovaLock(join(path, 'below'), {}), { code: 'SHOAL_NOVA_PERMISSION' })
})
