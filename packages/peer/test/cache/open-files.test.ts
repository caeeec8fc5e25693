import { deepEqual, equal, rejects } from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { link, mkdir, mkdtemp, open, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { openFiles } from '../../src/cache/open-files.ts'

describe('openFiles', () => {
  let directory: string
  let layer: string
  let procPath: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'shoal-open-'))
    layer = join(directory, 'disk')
    await writeFile(layer, Buffer.alloc(1 << 20, 7))
    procPath = join(directory, 'proc')
    await mkdir(procPath)
  })
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true })
  })

  test('names a process that has a file open until it ends, and never our own', async () => {
    const other = join(directory, 'other')
    await writeFile(other, '')
    await using ours = await open(layer)
    await using holder = await holding(layer)
    deepEqual([...(await openFiles([other, layer, layer]))], [[layer, [`cat (pid ${holder.pid})`]]])
    await holder.end()
    equal((await openFiles([layer])).size, 0)
    equal((await ours.stat()).size, 1 << 20)
  })

  test('knows a file by another path, and another file that took its path is another', async () => {
    const elsewhere = join(directory, 'elsewhere')
    await mkdir(elsewhere)
    await link(layer, join(elsewhere, 'disk'))
    await using linked = await holding(join(elsewhere, 'disk'))
    deepEqual([...(await openFiles([layer]))], [[layer, [`cat (pid ${linked.pid})`]]])
    await writeFile(join(directory, 'new'), '')
    await rename(join(directory, 'new'), layer)
    equal((await openFiles([layer])).size, 0)
    deepEqual([...(await openFiles([join(elsewhere, 'disk')])).keys()], [join(elsewhere, 'disk')])
  })

  test('names the QEMU whose disk lies above a layer, and knows of it by the lock alone', async () => {
    const overlay = join(directory, 'overlay.qcow2')
    await promisify(execFile)('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', layer, '-F', 'raw', overlay])
    const child = spawn('qemu-io', ['-f', 'qcow2', overlay], { stdio: ['pipe', 'pipe', 'inherit'] })
    const ended = once(child, 'exit')
    try {
      child.stdin.write('length\n')
      let answer = ''
      for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
        answer += String(chunk)
        if (answer.includes('1 MiB')) break
      }
      deepEqual([...(await openFiles([layer]))], [[layer, [`qemu-io (pid ${child.pid})`]]])
      await writeFile(join(procPath, 'locks'), await readFile('/proc/locks'))
      deepEqual([...(await openFiles([layer], { procPath }))], [[layer, ['a process that holds a lock']]])
    } finally {
      child.stdin.end('quit\n')
      await ended
    }
    equal((await openFiles([layer])).size, 0)
  })

  test('says what it can of processes that show less, and takes a lock without an owner only when nobody is known', async () => {
    const { ino } = await stat(layer)
    const locks = [
      `1: FLOCK ADVISORY READ 76 00:01:${ino} 0 EOF`,
      `2: OFDLCK ADVISORY READ -1 00:01:${ino} 100 100`,
      `3: POSIX ADVISORY READ ${process.pid} 00:01:${ino} 100 100`,
    ]
    await writeFile(join(procPath, 'locks'), locks.join('\n'))
    await fakeProcess('77', { 0: 'socket:[77]', 3: layer })
    await fakeProcess('78', { 3: '/dev/null' }, { comm: 'odd\u001b[2J\u0000name\n', maps: mapped(layer, 0) })
    await fakeProcess('79', { 3: '/dev/null' }, { comm: 'mapper\n', maps: mapped('/mnt/disk', ino) })
    await fakeProcess('80', { 3: join(directory, 'gone', 'disk') }, { maps: mapped('/mnt/disk', 1) })
    await fakeProcess('81', {}, { maps: mapped('/mnt/other', ino) })
    await fakeProcess(String(process.pid), { 3: layer }, { maps: mapped(layer, ino) })
    await mkdir(join(procPath, '82'))
    const users = (await openFiles([layer], { procPath })).get(layer) ?? []
    deepEqual(users.toSorted(), [
      'a process (pid 76)',
      'a process (pid 77)',
      'mapper (pid 79)',
      'odd?[2J?name (pid 78)',
    ])
  })

  test('does not ask the file system of a file that the kernel says is another', async () => {
    const elsewhere = join(directory, 'elsewhere')
    await mkdir(elsewhere)
    await link(layer, join(elsewhere, 'disk'))
    await fakeProcess('77', { 3: join(elsewhere, 'disk') }, { fdinfo: 'pos:\t0\nflags:\t02\nino:\t1\n' })
    equal((await openFiles([layer], { procPath })).size, 0)
    await writeFile(join(procPath, '77', 'fdinfo', '3'), 'pos:\t0\nflags:\t02\n')
    equal((await openFiles([layer], { procPath })).size, 1)
  })

  test('nobody has a file that is not there; without a process file system nobody knows', async () => {
    const absent = join(procPath, 'absent')
    equal((await openFiles([], { procPath: absent })).size, 0)
    equal((await openFiles([join(directory, 'absent')], { procPath: absent })).size, 0)
    await rejects(openFiles([layer], { procPath: absent }), { code: 'ENOENT' })
  })

  test('stops when it is aborted', async () => {
    const reason = new Error('enough')
    await rejects(openFiles([layer], { signal: AbortSignal.abort(reason) }), reason)
  })

  /** A process with these open files, as the process file system shows it. */
  async function fakeProcess(pid: string, files: Record<number, string>, more: Record<string, string> = {}) {
    const path = join(procPath, pid)
    await mkdir(join(path, 'fd'), { recursive: true })
    for (const [descriptor, target] of Object.entries(files)) await symlink(target, join(path, 'fd', descriptor))
    const { fdinfo, ...rest } = more
    for (const [name, text] of Object.entries(rest)) await writeFile(join(path, name), text)
    if (fdinfo === undefined) return
    await mkdir(join(path, 'fdinfo'))
    await writeFile(join(path, 'fdinfo', '3'), fdinfo)
  }
})

/** A line of a process's maps, between others. */
function mapped(path: string, inode: number): string {
  const line = `7f0000000000-7f0000001000 r--p 00000000 08:01 ${inode}                     ${path}`
  return [
    '55d000000000-55d000001000 rw-p 00000000 00:00 0 ',
    line,
    '7ffd00000000-7ffd00001000 r-xp 00000000 00:00 0  [vdso]',
    '',
  ].join('\n')
}

/** A process that has a file open and waits. */
async function holding(
  path: string,
): Promise<{ pid: number; end(): Promise<void>; [Symbol.asyncDispose](): Promise<void> }> {
  await using file = await open(path)
  const child = spawn('cat', [], { stdio: ['pipe', 'ignore', file.fd] })
  const ended = once(child, 'exit')
  await once(child, 'spawn')
  const end = async () => {
    child.stdin?.end()
    await ended
  }
  return { pid: child.pid ?? 0, end, [Symbol.asyncDispose]: end }
}
