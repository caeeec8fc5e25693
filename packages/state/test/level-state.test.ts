import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openLevelState } from '@shoal/state'
import { stateConformance } from './conformance.ts'

let directory: string
let count = 0
const freshDirectory = () => join(directory, String(count++))

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shoal-state-'))
})
after(async () => {
  await rm(directory, { recursive: true, force: true })
})

stateConformance('level', () => openLevelState(freshDirectory()))

describe('level state', () => {
  test('values and revisions survive closing and opening again', async () => {
    const path = freshDirectory()
    const first = await openLevelState(path)
    await first.put('a', 1)
    await first.put('b', 2)
    await first.delete('b')
    await first.close()
    await using second = await openLevelState(path)
    assert.deepEqual(await second.get('a'), { key: 'a', value: 1, revision: 1 })
    await second.put('c', 3)
    assert.equal((await second.get('c'))?.revision, 4)
  })

  test('a second opener is told that the store is in use', async () => {
    const path = freshDirectory()
    await using _first = await openLevelState(path)
    await assert.rejects(() => openLevelState(path), { code: 'SHOAL_STATE_LOCKED' })
  })

  test('a damaged store is refused and says so', async () => {
    const path = freshDirectory()
    await (await openLevelState(path)).close()
    for (const name of await readdir(path)) {
      if (name.startsWith('MANIFEST') || name === 'CURRENT') await writeFile(join(path, name), 'nonsense')
    }
    await assert.rejects(() => openLevelState(path), { code: 'SHOAL_STATE_CORRUPT' })
  })

  test('a path that is not a directory is an I/O error', async () => {
    const path = freshDirectory()
    await writeFile(path, 'a file')
    await assert.rejects(() => openLevelState(path), { code: 'SHOAL_STATE_IO' })
  })

  const tmpfs = process.getuid?.() === 0 ? false : 'mounting a small file system needs root'
  test('on a full disk writes fail, reads go on, and writes work again once space is freed', {
    skip: tmpfs,
  }, async () => {
    const path = freshDirectory()
    await mkdir(path)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', path])
    try {
      await using state = await openLevelState(join(path, 'state'))
      await state.put('before', 1)
      await writeFile(join(path, 'ballast'), Buffer.alloc(1 << 20)).catch(() => {})
      const fill = async () => {
        for (let n = 0; n < 200; n += 1) await state.put(`fill/${n}`, 'x'.repeat(4000))
      }
      await assert.rejects(fill, { code: 'SHOAL_STATE_NO_SPACE' })
      await assert.rejects(() => state.put('again', 1), { code: 'SHOAL_STATE_NO_SPACE' })
      assert.equal((await state.get('before'))?.value, 1)
      await rm(join(path, 'ballast'))
      await state.put('after', 2)
      assert.equal((await state.get('before'))?.value, 1)
      assert.equal((await state.get('after'))?.value, 2)
    } finally {
      execFileSync('umount', [path])
    }
  })

  test('on a disk that others filled meanwhile it opens, and has its reserve again once there is plenty of room', {
    skip: tmpfs,
  }, async () => {
    const path = freshDirectory()
    await mkdir(path)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=300m', 'tmpfs', path])
    const [inside, ballast] = [join(path, 'state'), join(path, 'ballast')]
    const freeBytes = async () => {
      const { bavail, bsize } = await statfs(path)
      return bavail * bsize
    }
    try {
      const first = await openLevelState(inside)
      for (let n = 0; n < 500; n += 1) await first.put(`before/${n}`, 'x'.repeat(4000))
      await first.close()
      await writeFile(ballast, Buffer.alloc(300 << 20)).catch(() => {})
      assert.equal(await freeBytes(), 0)
      const second = await openLevelState(inside)
      assert.equal((await second.get<string>('before/499'))?.value.length, 4000)
      await second.put('meanwhile', 1)
      await second.close()
      await rm(ballast)
      const unreserved = await freeBytes()
      await using third = await openLevelState(inside)
      assert.equal((await third.get('meanwhile'))?.value, 1)
      assert.ok(unreserved - (await freeBytes()) >= 8 << 20)
    } finally {
      execFileSync('umount', ['-l', path])
    }
  })

  test('after kill -9 every acknowledged batch is there whole', async () => {
    const path = freshDirectory()
    for (let round = 0; round < 3; round += 1) {
      const acknowledged = await killWhileWriting(path, 20 + round * 30)
      await using state = await openLevelState(path)
      const left = (await state.get<number>('left'))?.value ?? -1
      assert.ok(left >= acknowledged, `${left} recorded, ${acknowledged} acknowledged`)
      assert.equal((await state.get<number>('right'))?.value, left)
      let items = 0
      for await (const _ of state.range({ prefix: 'item/' })) items += 1
      assert.equal(items, left + 1)
    }
  })
})

/** Runs a child that writes numbered batches, kills it after `batches` acknowledgements, returns the last it reported. */
async function killWhileWriting(path: string, batches: number): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'writer-child.ts'), path])
  let last = -1
  let seen = 0
  let text = ''
  child.stdout.setEncoding('utf8')
  for await (const chunk of child.stdout) {
    const lines = (text + String(chunk)).split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) {
      last = Number(line)
      seen += 1
    }
    if (seen >= batches) child.kill('SIGKILL')
  }
  return last
}
