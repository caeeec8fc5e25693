import { equal, ok } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, statfs, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { composingNode } from './composing-node.ts'
import { layeredDisk } from './layered-disk.ts'

const MIB = 1024 ** 2
const run = promisify(execFile)

/** A small file system that can clone files, in a file; or the reason why there is none here. */
async function cloningFileSystem(): Promise<{ path: string; reason?: string } & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-clone-'))
  const [file, path] = [join(directory, 'fs'), join(directory, 'mnt')]
  const stack = new AsyncDisposableStack()
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  const made = { path, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  try {
    await writeFile(file, '')
    await truncate(file, 320 * MIB)
    await mkdir(path)
    await run('mkfs.xfs', ['-q', '-m', 'reflink=1', file]).catch(() => run('mkfs.btrfs', ['-q', '-f', file]))
    await run('mount', ['-o', 'loop', file, path])
    stack.defer(async () => void (await run('umount', [path])))
    return made
  } catch (error) {
    return { ...made, reason: `no file system that clones: ${String(error)}` }
  }
}

test('where the file system clones, a raw base is shared and only what the middle changes is written', async (t) => {
  await using fileSystem = await cloningFileSystem()
  if (fileSystem.reason !== undefined) return t.skip(fileSystem.reason)
  await using node = await composingNode({ parent: fileSystem.path })
  const { base, middle, flat, baseBytes } = await layeredDisk({ baseFormat: 'raw', sizeBytes: 32 * MIB })
  await node.add(base, middle)
  const freeBytes = async () => {
    await run('sync', ['-f', fileSystem.path])
    const { bavail, bsize } = await statfs(fileSystem.path)
    return bavail * bsize
  }
  const before = await freeBytes()
  const disk = await node.compose('disk', { layer: middle.manifest.digest, format: 'raw' })
  equal(disk.state, 'done', disk.error?.message)
  equal(Buffer.compare(await readFile(disk.path), flat), 0)
  ok(disk.writtenBytes < 8 * MIB, `${disk.writtenBytes} bytes were written`)
  const alone = await node.compose('base', { layer: base.manifest.digest, format: 'raw' })
  equal(Buffer.compare(await readFile(alone.path), baseBytes), 0)
  equal(alone.writtenBytes, 0)
  const usedBytes = before - (await freeBytes())
  ok(usedBytes < 16 * MIB, `${usedBytes} bytes were taken for two disks of ${flat.length} and ${baseBytes.length}`)
})
