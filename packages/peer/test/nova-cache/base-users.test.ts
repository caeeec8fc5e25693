import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { findBaseUsers } from '../../src/nova-cache/base-users.ts'
import { qemuImg } from '../compose/layered-disk.ts'

const ONE = 'a'.repeat(40)
const OTHER = 'b'.repeat(40)

async function instances(t: TestContext) {
  const path = await mkdtemp(join(tmpdir(), 'shoal-instances-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  await mkdir(join(path, '_base'))
  await mkdir(join(path, 'locks'))
  const bases = [ONE, OTHER].map((name) => join(path, '_base', name))
  for (const base of bases) await writeFile(base, Buffer.alloc(1024 * 1024))
  const machine = async (name: string, disk: string, base: string) => {
    await mkdir(join(path, name), { recursive: true })
    const options = ['-q', '-f', 'qcow2', '-F', 'raw', '-b', join(path, '_base', base)]
    await qemuImg('create', ...options, join(path, name, disk))
  }
  return { path, bases, machine }
}

test('disks of machines name their bases, whatever the state of the machine, and so do those of rescue and resize', async (t) => {
  const { path, bases, machine } = await instances(t)
  await machine('vm1', 'disk', ONE)
  await machine('vm2', 'disk', OTHER)
  await machine('vm3', 'disk.rescue', OTHER)
  await machine('vm4_resize', 'disk', ONE)
  await writeFile(join(path, 'vm1/disk.info'), '{}')
  await writeFile(join(path, 'vm1/console.log'), '')
  const { users, isCertain } = await findBaseUsers(path, bases)
  equal(isCertain, true)
  deepEqual([...(users.get(ONE) ?? [])].sort(), ['machine vm1', 'machine vm4_resize'])
  deepEqual([...(users.get(OTHER) ?? [])].sort(), ['machine vm2', 'machine vm3'])
})

test('raw disks, disks without a base and machines without a disk use nothing', async (t) => {
  const { path, bases } = await instances(t)
  await mkdir(join(path, 'vm1'))
  await writeFile(join(path, 'vm1/disk'), Buffer.alloc(4096))
  await mkdir(join(path, 'vm2'))
  await qemuImg('create', '-q', '-f', 'qcow2', join(path, 'vm2/disk'), '1M')
  await mkdir(join(path, 'vm3'))
  await mkdir(join(path, 'vm4'))
  await writeFile(join(path, 'vm4/disk'), 'QFI')
  const { users, isCertain } = await findBaseUsers(path, bases)
  deepEqual([users.size, isCertain], [0, true])
})

test('a disk that cannot be read, or whose header makes no sense, leaves it open who uses what', async (t) => {
  const { path, bases } = await instances(t)
  await mkdir(join(path, 'vm1/disk'), { recursive: true })
  equal((await findBaseUsers(path, bases)).isCertain, false)
  await rm(join(path, 'vm1'), { recursive: true })
  await mkdir(join(path, 'vm2'))
  const header = Buffer.alloc(104, 0xff)
  header.writeUInt32BE(0x514649fb)
  await writeFile(join(path, 'vm2/disk'), header)
  equal((await findBaseUsers(path, bases)).isCertain, false)
})

test('a process that has a base open uses it', async (t) => {
  const { path, bases } = await instances(t)
  await using file = await open(bases[0] ?? '', 'r')
  const child = spawn('sleep', ['60'], { stdio: [file.fd, 'ignore', 'ignore'] })
  t.after(() => child.kill())
  const { users } = await findBaseUsers(path, bases)
  ok(users.get(ONE)?.some((user) => user.includes(`pid ${child.pid}`)))
  equal(users.get(OTHER), undefined)
})
