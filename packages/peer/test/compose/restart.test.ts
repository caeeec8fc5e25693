import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { mkdir, readFile, rename, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ComposeDisk } from '../../src/compose/compose-process.ts'
import { composingNode, ended } from './composing-node.ts'
import { layeredDisk } from './layered-disk.ts'

const MIB = 1024 ** 2

const neverEnds: ComposeDisk = (_job, { signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
const mustNot: ComposeDisk = () => Promise.reject(new Error('nothing was to be composed'))

test('what was done is known after a restart, what waited is composed, and what runs when the daemon stops begins anew', async () => {
  await using node = await composingNode()
  const { base, middle } = await layeredDisk({ baseFormat: 'qcow2', sizeBytes: MIB })
  await node.add(base, middle)
  const request = { layer: middle.manifest.digest, format: 'raw' } as const
  const done = await node.compose('done', request)
  await node.restart(neverEnds)
  deepEqual(node.compositions.show('done'), done)
  deepEqual(await node.compositions.request('done', request), done)
  await node.compositions.request('runs', request)
  await node.compositions.request('waits', request)
  await node.compositions.request('cancelled', request)
  await node.compositions.remove('cancelled')
  await node.restart()
  for (const name of ['runs', 'waits']) equal((await ended(node.compositions, name)).state, 'done')
  equal(node.compositions.show('cancelled').state, 'cancelled')
  deepEqual(await node.files(), ['done', 'runs', 'waits'])
})

test('a disk that is gone is forgotten at the next start, and one that was exchanged for another is left alone', async () => {
  await using node = await composingNode()
  const { base } = await layeredDisk({ baseFormat: 'raw', sizeBytes: MIB })
  await node.add(base)
  const request = { layer: base.manifest.digest, format: 'raw' } as const
  const [gone, exchanged] = [await node.compose('gone', request), await node.compose('exchanged', request)]
  await rename(gone.path, join(node.directory, 'taken-away'))
  await unlink(exchanged.path)
  await writeFile(exchanged.path, 'precious')
  await node.restart(mustNot)
  deepEqual(node.compositions.list(), [])
  await rejects(node.compositions.request('exchanged', request), { code: 'SHOAL_COMPOSE_NAME_TAKEN' })
  equal(await readFile(exchanged.path, 'utf8'), 'precious')
})

test('a disk that was put into place just before a crash counts as done, and nothing is composed again', async () => {
  await using node = await composingNode()
  const { base } = await layeredDisk({ baseFormat: 'raw', sizeBytes: MIB })
  await node.add(base)
  const { digest } = base.manifest
  const { path } = await node.compose('disk', { layer: digest, format: 'raw' })
  const { ino } = await stat(path)
  const [record] = await node.records.all()
  ok(record)
  await node.records.save({ ...record, state: 'queued', finishedAt: null })
  await node.restart(mustNot)
  equal(node.compositions.show('disk').state, 'done')
  equal((await stat(path)).ino, ino)
  equal((await node.records.all())[0]?.state, 'done')
})

test('of a chain that was put into place in part, nothing is left but what is made anew', async () => {
  await using node = await composingNode()
  const { base, middle } = await layeredDisk({ baseFormat: 'qcow2', sizeBytes: MIB })
  await node.add(base, middle)
  const { path, overlay } = await node.compose('vm', { layer: middle.manifest.digest, format: 'chain' })
  const before = await stat(overlay ?? '', { bigint: true })
  const [record] = await node.records.all()
  ok(record)
  await node.records.save({ ...record, state: 'queued', finishedAt: null })
  await unlink(path)
  await node.restart()
  equal((await ended(node.compositions, 'vm')).state, 'done')
  const after = await stat(overlay ?? '', { bigint: true })
  ok(after.birthtimeNs > before.birthtimeNs)
  deepEqual(await node.files(), ['vm.json', 'vm.qcow2'])
})

test('what an earlier run was writing is removed at the start, and only that', async () => {
  await using node = await composingNode()
  const left = '.shoal-compose-0123456789abcdef'
  await writeFile(join(node.disksPath, left), 'half of a disk')
  const others = ['.shoal-compose-', '.shoal-compose-0123456789abcdeg', '.hidden', 'shoal-compose-0123456789abcdef']
  for (const name of others) await writeFile(join(node.disksPath, name), 'precious')
  await mkdir(join(node.disksPath, '.shoal-compose-0000000000000001'))
  await symlink(join(node.disksPath, '.hidden'), join(node.disksPath, '.shoal-compose-0000000000000002'))
  await node.restart()
  const kept = [...others, '.shoal-compose-0000000000000001', '.shoal-compose-0000000000000002']
  deepEqual(await node.files(), kept.sort())
  equal(await readFile(join(node.disksPath, '.hidden'), 'utf8'), 'precious')
})

test('a layer that went away while the daemon was down fails what waited for it', async () => {
  await using node = await composingNode({ compose: neverEnds })
  const { base, middle } = await layeredDisk({ baseFormat: 'qcow2', sizeBytes: MIB })
  await node.add(base, middle)
  await node.compositions.request('disk', { layer: middle.manifest.digest, format: 'raw' })
  await node.compositions[Symbol.asyncDispose]()
  await node.store.remove(base.manifest.digest)
  await node.restart()
  equal((await ended(node.compositions, 'disk')).error?.code, 'SHOAL_COMPOSE_BASE_MISSING')
})

test('a directory that cannot be made ends the start with its code', async () => {
  await using node = await composingNode()
  await node.compositions[Symbol.asyncDispose]()
  await rename(node.disksPath, `${node.disksPath}-away`)
  await writeFile(node.disksPath, 'a file')
  await rejects(node.restart(), { code: 'SHOAL_COMPOSE_DIRECTORY' })
})
