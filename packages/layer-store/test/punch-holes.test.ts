import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { undoAfter } from '../../../test/harness/undo.ts'
import { punchHoles } from '../src/punch-holes.ts'

const KIB = 1024

/** A file of 1 MiB that takes as much space. */
async function fileOn(undo: ReturnType<typeof undoAfter>, root: string) {
  const directory = await mkdtemp(join(root, 'shoal-holes-'))
  undo.after(() => rm(directory, { recursive: true }))
  const path = join(directory, 'disk')
  await writeFile(path, Buffer.alloc(1024 * KIB, 7), { flush: true })
  const handle = await open(path, 'r+')
  undo.after(() => handle.close())
  return { path, handle, file: { fd: handle.fd, path } }
}

for (const root of new Set([tmpdir(), '/dev/shm'])) {
  test(`holes in a file below ${root} take no space and are zeros; the rest is as it was`, async (t) => {
    const { path, file } = await fileOn(undoAfter(t), root)
    const before = await stat(path)
    await punchHoles(file, [
      { position: 512 * KIB, length: 256 * KIB },
      { position: 64 * KIB, length: 128 * KIB },
    ])
    const after = await stat(path)
    assert.equal(after.size, before.size)
    assert.equal((before.blocks - after.blocks) * 512, 384 * KIB)
    const expected = Buffer.alloc(1024 * KIB, 7)
      .fill(0, 512 * KIB, 768 * KIB)
      .fill(0, 64 * KIB, 192 * KIB)
    assert.equal(Buffer.compare(await readFile(path), expected), 0)
  })
}

test('it is locked while it is done and not any longer', async (t) => {
  const { path, file } = await fileOn(undoAfter(t), tmpdir())
  const { ino } = await stat(path)
  await punchHoles(file, [{ position: 0, length: 4096 }])
  assert.doesNotMatch(await readFile('/proc/locks', 'utf8'), new RegExp(`:${ino} `))
})

test('what has no holes is a coded error', async () => {
  await using handle = await open('/dev/null', 'r+')
  await assert.rejects(punchHoles({ fd: handle.fd, path: 'disk' }, [{ position: 0, length: 4096 }]), {
    code: 'SHOAL_STORE_NO_HOLES',
    message: /^No part of disk .*fallocate/,
  })
})

test('the hole that a process of a killed service still punches is waited for', async (t) => {
  const undo = undoAfter(t)
  const { path, file } = await fileOn(undo, tmpdir())
  const program = 'exec 4<>"$0"; flock 4; echo; read -r go; fallocate -p -o 0 -l 4096 "$0"'
  const late = spawn('sh', ['-c', program, path], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(late, 'close')
  await once(late.stdout, 'data')
  const waiting = punchHoles(file, [])
  const { ino } = await stat(path)
  while (!new RegExp(`->.*:${ino} `).test(await readFile('/proc/locks', 'utf8'))) await setImmediate()
  late.stdin.end('go\n')
  await waiting
  assert.deepEqual((await readFile(path)).subarray(0, 4096), Buffer.alloc(4096))
  await ended
})
