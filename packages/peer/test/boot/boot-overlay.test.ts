import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { mkdir, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { layeredDisk, qemuImg } from '../compose/layered-disk.ts'
import { bootingNode, chainOf } from './booting-node.ts'

const MIB = 1024 ** 2
const { base, middle } = await layeredDisk({ baseFormat: 'raw', sizeBytes: MIB })
const request = { image: 'web' }

async function readyNode() {
  const node = await bootingNode()
  node.chains.set('web', chainOf('web', [base, middle]))
  node.chains.set('db', chainOf('db', [base]))
  await node.describe(base, middle)
  return node
}

test('an overlay is made whose header names the export, its format and the size of the disk', async () => {
  await using node = await readyNode()
  const { overlay, uri } = await node.boots.prepare('vm', request)
  equal(overlay, join(node.directory, 'overlays', 'vm.qcow2'))
  const info = JSON.parse(await qemuImg('info', '-U', '-f', 'qcow2', '--output=json', overlay ?? ''))
  deepEqual(
    [info['virtual-size'], info['backing-filename'], info['backing-filename-format']],
    [1.5 * MIB, 'nbd+unix:///vm?socket=/run/shoal/vm.sock', 'raw'],
  )
  equal(uri, info['backing-filename'])
  equal((await stat(overlay ?? '')).mode & 0o777, 0o660)
  deepEqual(await readdir(join(node.directory, 'overlays')), ['vm.qcow2'])
})

test('what a machine wrote stays: over a restart, over a release, and for the next boot of the same image', async () => {
  await using node = await readyNode()
  const { overlay } = await node.boots.prepare('vm', request)
  const { ino } = await stat(overlay ?? '')
  await node.restart()
  await node.reached('vm', ({ state }) => state === 'ready')
  await node.boots.release('vm')
  await node.boots.prepare('vm', request)
  equal((await stat(overlay ?? '')).ino, ino)
  await node.boots.release('vm')
  await node.restart()
  await rejects(node.boots.prepare('vm', { image: 'db' }), { code: 'SHOAL_BOOT_OVERLAY_OTHER' })
  deepEqual(node.boots.list(), [])
  await unlink(overlay ?? '')
  equal((await node.boots.prepare('vm', { image: 'db' })).state, 'ready')
})

test('a file that was not made here is not taken for an overlay, nor replaced', async () => {
  await using node = await readyNode()
  const path = join(node.directory, 'overlays', 'vm.qcow2')
  await writeFile(path, 'precious')
  await rejects(node.boots.prepare('vm', request), { code: 'SHOAL_BOOT_OVERLAY_TAKEN' })
  equal(await readFile(path, 'utf8'), 'precious')
  await mkdir(join(node.directory, 'a-directory'))
  const overlay = join(node.directory, 'a-directory')
  await rejects(node.boots.prepare('vm', { ...request, overlay }), { code: 'SHOAL_BOOT_OVERLAY_TAKEN' })

  // Ours was moved away, and something else has its name.
  const ours = await node.boots.prepare('other', request)
  await node.boots.release('other')
  await rename(ours.overlay ?? '', join(node.directory, 'moved'))
  await writeFile(ours.overlay ?? '', 'precious')
  await rejects(node.boots.prepare('other', request), { code: 'SHOAL_BOOT_OVERLAY_TAKEN' })
})

test("one that the caller names is made where it is missing, and the caller's own is used as it is", async () => {
  await using node = await readyNode()
  const missing = join(node.directory, "it's mine.qcow2")
  equal((await node.boots.prepare('one', { ...request, overlay: missing })).overlay, missing)
  equal(JSON.parse(await qemuImg('info', '-U', '-f', 'qcow2', '--output=json', missing))['virtual-size'], 1.5 * MIB)
  await rejects(node.boots.prepare('two', { ...request, overlay: missing }), { code: 'SHOAL_BOOT_OVERLAY_TAKEN' })
  const given = join(node.directory, 'given')
  await writeFile(given, 'what a machine wrote')
  equal((await node.boots.prepare('two', { ...request, overlay: given })).state, 'ready')
  equal(await readFile(given, 'utf8'), 'what a machine wrote')
  const nowhere = await node.boots.prepare('three', { ...request, overlay: join(node.directory, 'no', 'such') })
  deepEqual([nowhere.state, nowhere.error?.code], ['failed', 'SHOAL_BOOT_OVERLAY_IO'])
  deepEqual((await readdir(node.directory)).sort(), ['given', "it's mine.qcow2", 'overlays'].sort())
})

test('a boot without an overlay makes none', async () => {
  await using node = await readyNode()
  const { overlay, qemu, libvirt } = await node.boots.prepare('vm', { ...request, overlay: null })
  equal(overlay, null)
  deepEqual(await readdir(join(node.directory, 'overlays')), [])
  ok(!qemu.includes('qcow2') && libvirt.includes('<readonly/>'))
})
