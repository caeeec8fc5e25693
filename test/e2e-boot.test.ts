import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { type Cluster, createCluster } from './harness/cluster.ts'
import { diskInQemu } from './harness/disk-in-qemu.ts'
import { onlyImage, prepareBoot } from './harness/prepare-boot.ts'
import { runShoal } from './harness/run-shoal.ts'
import { writeQcow2, writeRandomRaw } from './harness/test-images.ts'
import { type Undo, undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const run = promisify(execFile)
const MIB = 1024 * 1024

interface Booting {
  readonly cluster: Cluster
  readonly undo: Undo
  readonly directory: string
  /** The image's id, and its file in the library. */
  readonly image: string
  readonly original: string
}

/** A seed with one image that it has not imported, and one node that receives no faster than that. */
async function start(
  t: TestContext,
  { sizeBytes, format, rateBytesPerSecond }: { sizeBytes: number; format: 'raw' | 'qcow2'; rateBytesPerSecond: number },
): Promise<Booting> {
  const undo = undoAfter(t)
  const directory = await mkdtemp(join(tmpdir(), 'shoal-boot-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const library = await mkdtemp(join(tmpdir(), 'shoal-library-'))
  undo.after(() => rm(library, { recursive: true, force: true }))
  const original = join(library, `disk.${format}`)
  await (format === 'raw' ? writeRandomRaw(original, sizeBytes) : writeQcow2(join(directory, 'disk'), sizeBytes))
  if (format === 'qcow2') await run('mv', [join(directory, 'disk'), original])
  const cluster = await createCluster(undo, {
    peers: 1,
    library: { directory: library },
    peerConfig: () => ({ limits: { downBytesPerSecond: rateBytesPerSecond } }),
  })
  await cluster.startSeed()
  await cluster.startPeers()
  return { cluster, undo, directory, original, image: await onlyImage(cluster) }
}

test('a disk is opened by QEMU before the image is there, shows the very bytes of it, and takes what a VM writes', {
  timeout: 120_000,
}, async (t) => {
  const about = { sizeBytes: 48 * MIB, format: 'qcow2', rateBytesPerSecond: 6 * MIB } as const
  const { cluster, undo, directory, image, original } = await start(t, about)
  const boot = await prepareBoot(cluster, 'node1', 'vm1', { image })
  assert.ok(boot.presentBytes < boot.totalBytes / 2, `${boot.presentBytes} of ${boot.totalBytes} were there`)
  const guest = await diskInQemu(undo, boot, join(directory, 'guest.sock'))
  await run('qemu-io', ['-f', 'raw', '-c', 'read 40M 64k', '-c', 'write -P 7 1M 64k', '-c', 'flush', guest])
  const shown = await (await cluster.peerClient('node1')).showBoot({ params: { boot: 'vm1' } })
  assert.ok(shown.reads.onDemandBytes > 0, JSON.stringify(shown.reads))
  assert.notEqual(shown.reads.firstReadAt, null)

  const copy = join(directory, 'copy.raw')
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', boot.uri, copy])
  await run('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', copy, original])
  await run('qemu-io', ['-f', 'raw', '-c', 'read -P 7 1M 64k', guest])

  // Once complete it needs nobody else.
  const [layer = ''] = boot.layers
  await cluster.complete(layer)
  await cluster.seed.end('SIGKILL')
  await run('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', boot.uri, original])
  const again = await prepareBoot(cluster, 'node1', 'vm2', { image, overlay: null })
  await run('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', again.uri, original])
})

test('a machine that reads goes on by itself when the daemon is killed and is back, with the seed there or not', {
  timeout: 120_000,
}, async (t) => {
  const sizeBytes = 48 * MIB
  const { cluster, undo, directory, image, original } = await start(t, {
    ...{ sizeBytes, format: 'raw', rateBytesPerSecond: 4 * MIB },
  })
  const boot = await prepareBoot(cluster, 'node1', 'vm1', { image, overlay: null })
  const copy = join(directory, 'copy.raw')
  const guest = await diskInQemu(undo, boot, join(directory, 'guest.sock'))
  const copied = run('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', '-W', '-m', '8', guest, copy])
  copied.catch(() => {})
  const peer = cluster.peer('node1')
  for (const part of [0.2, 0.5]) {
    await until(`${part} of the layer`, async () => {
      const { presentBytes } = await (await cluster.peerClient('node1')).showBoot({ params: { boot: 'vm1' } })
      return presentBytes > part * sizeBytes
    })
    await peer.end('SIGKILL')
    // The socket is served before the seed is asked for anything.
    if (part === 0.5) await cluster.seed.end('SIGKILL')
    await peer.start()
    const { socket } = await until('the disk is served again', async () => {
      const shown = await (await cluster.peerClient('node1')).showBoot({ params: { boot: 'vm1' } })
      return shown.state === 'ready' ? shown : undefined
    })
    assert.equal(socket, boot.socket)
    if (part === 0.5) await cluster.startSeed()
  }
  await copied
  assert.equal((await stat(copy)).size, sizeBytes)
  await run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', copy, original])
})

test('the command line prepares, shows and releases; a released disk is served to nobody and its layers may go', {
  timeout: 120_000,
}, async (t) => {
  const about = { sizeBytes: 8 * MIB, format: 'raw', rateBytesPerSecond: 100 * MIB } as const
  const { cluster, image, original } = await start(t, about)
  const node = ['--peer', cluster.peer('node1').url, '--token-file', join(cluster.directory, 'node1', 'api-token')]
  const shoal = (...args: string[]) => runShoal([...args, ...node])
  const prepared = await shoal('boot', 'prepare', image, '--name', 'vm1', '--read-only', '--json')
  assert.equal(prepared.code, 0, prepared.stderr)
  const { uri, layers } = JSON.parse(prepared.stdout)
  await run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', uri, original])
  assert.match((await shoal('boot', 'show', 'vm1')).stdout, /libvirt:\n<disk type='network'/)
  assert.match((await shoal('boot', 'list')).stdout, /vm1/)
  const [layer = ''] = layers
  await cluster.complete(layer)
  const kept = await shoal('cache', 'evict', layer)
  assert.match(kept.stdout + kept.stderr, /boot vm1/)
  assert.equal((await shoal('boot', 'release', 'vm1')).code, 0)
  await assert.rejects(run('qemu-img', ['info', '-f', 'raw', uri]))
  await until('the seed has taken the layer back', async () => {
    return (await cluster.client.listAssignments()).assignments.length === 0
  })
  assert.equal((await shoal('cache', 'evict', layer)).code, 0)
})
