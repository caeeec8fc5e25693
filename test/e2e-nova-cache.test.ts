import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import type { NovaBase } from '@shoal/api'
import { type Cluster, createCluster } from './harness/cluster.ts'
import { importOnlyImage } from './harness/import-only-image.ts'
import { onlyImage } from './harness/prepare-boot.ts'
import { runInNova } from './harness/run-in-nova.ts'
import { writeQcow2 } from './harness/test-images.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const run = promisify(execFile)
const MIB = 1024 * 1024
const DISK_BYTES = 16 * MIB
/** Takes long enough to be met in the middle. */
const LARGE_DISK_BYTES = 384 * MIB
const DAY_S = 86_400
const SCRIPT = join(import.meta.dirname, 'harness/nova_image_cache.py')

interface Site {
  readonly cluster: Cluster
  readonly instancesPath: string
  readonly image: string
  readonly layer: string
  /** The base file, and the disk that it is to show. */
  readonly path: string
  readonly original: string
  /** Runs Nova's own code: one command after the other. */
  nova(...commands: string[][]): Promise<Record<string, unknown>[]>
  base(): Promise<NovaBase | undefined>
}

/** A seed with one image, and a compute node whose peer looks after Nova's image cache. */
async function start(
  t: TestContext,
  novaCache: { format: 'raw' | 'qcow2'; eviction: 'own' | 'nova' },
  sizeBytes = DISK_BYTES,
): Promise<Site> {
  const undo = undoAfter(t)
  const directory = await mkdtemp(join(tmpdir(), 'shoal-nova-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const library = join(directory, 'library')
  const instancesPath = join(directory, 'instances')
  for (const path of [library, join(instancesPath, '_base'), join(instancesPath, 'locks')]) {
    await mkdir(path, { recursive: true })
  }
  const original = join(library, 'disk.qcow2')
  await writeQcow2(join(directory, 'disk'), sizeBytes)
  await run('mv', [join(directory, 'disk'), original])
  const cluster = await createCluster(undo, {
    peers: 1,
    library: { directory: library },
    peerConfig: () => ({ novaCache: { enabled: true, instancesPath, ...novaCache } }),
  })
  await cluster.startSeed()
  await cluster.startPeers()
  const layer = await importOnlyImage(cluster)
  const image = await onlyImage(cluster)
  return {
    ...{ cluster, instancesPath, image, layer, original },
    path: join(instancesPath, '_base', createHash('sha1').update(image).digest('hex')),
    nova: async (...commands) => {
      const { stdout } = await runInNova([SCRIPT, instancesPath, ...commands.flatMap((command) => [...command, ','])])
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    },
    base: async () => {
      const { bases } = await (await cluster.peerClient('node1')).listNovaBases()
      return bases.find((base) => base.image === image)
    },
  }
}

async function placed(site: Site): Promise<void> {
  await site.cluster.assign(site.layer, ['node1'])
  await until('the base file is placed', async () => (await site.base())?.state === 'placed')
}

for (const format of ['raw', 'qcow2'] as const) {
  const options = format === 'raw' ? [] : ['no-raw']
  test(`Nova finds the ${format} base file that was assigned, and starts machines from it without asking Glance`, {
    timeout: 600_000,
  }, async (t) => {
    const site = await start(t, { format, eviction: 'nova' })
    await placed(site)
    await run('qemu-img', ['compare', '-f', format, '-F', 'qcow2', site.path, site.original])
    const before = await stat(site.path)

    const [overlaid, copied, precached] = await site.nova(
      ['boot', site.image, 'vm1', 'qcow2', String(32 * MIB), ...options],
      ['boot', site.image, 'vm2', 'raw', '0', ...options],
      ['precache', site.image],
    )
    assert.deepEqual(overlaid, { backing: site.path, format: 'qcow2', downloads: [] })
    assert.deepEqual([copied?.backing, copied?.downloads], [null, []])
    assert.deepEqual(precached, { wasDownloaded: false, downloads: [] })
    // What the machine reads is the image.
    const disk = join(site.instancesPath, 'vm1/disk')
    await run('qemu-img', ['compare', '-f', 'qcow2', '-F', 'qcow2', disk, site.original])
    const after = await stat(site.path)
    assert.deepEqual([after.ino, after.size, after.mode], [before.ino, before.size, before.mode])

    await until('the machine is seen', async () => (await site.base())?.users.includes('machine vm1'))
    const { layers } = await (await site.cluster.peerClient('node1')).listCache()
    assert.equal(
      layers.find(({ layer }) => layer === site.layer)?.pins.some(({ kind }) => kind === 'disk'),
      true,
    )
  })
}

test("Nova's cache manager keeps what is wanted, and what it removes all the same is made again", {
  timeout: 600_000,
}, async (t) => {
  const site = await start(t, { format: 'raw', eviction: 'nova' })
  await placed(site)
  const name = site.path.slice(site.path.lastIndexOf('/') + 1)
  // Nobody uses it and Nova does not know it: only its time keeps it.
  assert.deepEqual(await site.nova(['pass']), [{ active: [], removable: [name], downloads: [] }])
  const { ino } = await stat(site.path)

  // It was old for a moment, which the peer sets right.
  await utimes(site.path, Date.now() / 1000 - 2 * DAY_S, Date.now() / 1000 - 2 * DAY_S)
  await until('the file is fresh again', async () => Date.now() - (await stat(site.path)).mtimeMs < 60_000)
  await site.nova(['pass'])
  assert.equal((await stat(site.path)).ino, ino)

  // With the peer away it gets old, and Nova removes it.
  await site.cluster.peer('node1').end()
  await utimes(site.path, Date.now() / 1000 - 2 * DAY_S, Date.now() / 1000 - 2 * DAY_S)
  await site.nova(['pass'])
  assert.deepEqual(await readdir(join(site.instancesPath, '_base')), [])
  await site.cluster.startPeers(['node1'])
  await until('it is there again', async () => (await site.base())?.state === 'placed')

  // With the peer there too: it notices.
  await rm(site.path)
  await until('it is there again', async () => (await site.base())?.state === 'placed' && (await exists(site.path)))
  await run('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', site.path, site.original])
})

test('what is not wanted any more stays while a machine uses it, and then goes', { timeout: 600_000 }, async (t) => {
  const site = await start(t, { format: 'raw', eviction: 'own' })
  await placed(site)
  await site.nova(['boot', site.image, 'vm1', 'qcow2', '0'])
  await site.cluster.client.unassign({ body: { layer: site.layer } })
  await until('it is not wanted', async () => (await site.base())?.state === 'leaving')
  const old = Date.now() / 1000 - 3600
  await utimes(site.path, old, old)
  await until('it is seen in use', async () => (await site.base())?.users.includes('machine vm1'))
  // Nova, too, sees a machine above it, and says that it is fresh.
  const [seen] = await site.nova(['pass', `${site.image}=vm1`])
  assert.deepEqual([seen?.active, seen?.removable], [[site.path.slice(site.path.lastIndexOf('/') + 1)], []])
  await rm(join(site.instancesPath, 'vm1'), { recursive: true })
  await utimes(site.path, old, old)
  await until('it is gone', async () => (await site.base()) === undefined && !(await exists(site.path)))
})

test('a peer that is killed while it makes a base file leaves none that Nova could take for one, and makes it then', {
  timeout: 600_000,
}, async (t) => {
  const site = await start(t, { format: 'raw', eviction: 'nova' }, LARGE_DISK_BYTES)
  const directory = join(site.instancesPath, '_base')
  const peer = site.cluster.peer('node1')
  await site.cluster.assign(site.layer, ['node1'])
  await until('it is being made', async () => (await readdir(directory)).length > 0, { everyMs: 2 })
  await peer.end()
  const [left = '', ...others] = await readdir(directory)
  assert.match(left, /^\.shoal-base-/)
  assert.deepEqual(others, [])
  // Nova's cache manager does not see it, and no lock keeps Nova from starting machines.
  const [seen] = await site.nova(['pass'])
  assert.deepEqual([seen?.active, seen?.removable], [[], []])
  await assert.rejects(site.nova(['boot', site.image, 'vm1', 'qcow2', '0']), /there is no Glance here/)
  await site.cluster.startPeers(['node1'])
  await until('the base file is placed', async () => (await site.base())?.state === 'placed')
  assert.deepEqual(await readdir(directory), [site.path.slice(site.path.lastIndexOf('/') + 1)])
  await run('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', site.path, site.original])
})

test('switched off, the peer leaves the files to Nova, which goes on without it', { timeout: 600_000 }, async (t) => {
  const site = await start(t, { format: 'raw', eviction: 'own' })
  await placed(site)
  await site.cluster.peer('node1').end('SIGTERM')
  await site.cluster.peer('node1').start({ novaCache: { enabled: false } })
  const { isEnabled, bases } = await (await site.cluster.peerClient('node1')).listNovaBases()
  assert.deepEqual([isEnabled, bases], [false, []])
  const [booted] = await site.nova(['boot', site.image, 'vm1', 'qcow2', '0'])
  assert.deepEqual([booted?.backing, booted?.downloads], [site.path, []])
  // An image that is not there is asked of Glance, as ever.
  const other = 'ffffffff-6a52-4e0f-9d6e-0c8d5a5f7a11'
  await assert.rejects(site.nova(['boot', other, 'vm2', 'qcow2', '0']), /there is no Glance here/)
})

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
