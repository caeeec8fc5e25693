import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, open, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import { type OpenStack, startOpenStack } from '../infra/openstack/openstack.ts'
import { type Cluster, createCluster } from './harness/cluster.ts'
import { writeQcow2, writeRandomRaw } from './harness/test-images.ts'
import { until } from './harness/until.ts'

const run = promisify(execFile)
const MIB = 1024 * 1024
const LIMIT_BYTES = 64 * MIB

suite('a bad image in a real Glance is refused with a code that says why, and nothing of it stays', () => {
  let directory: string
  let openstack: OpenStack
  let cluster: Cluster
  const stack = new AsyncDisposableStack()

  before(
    async () => {
      directory = await mkdtemp(join(tmpdir(), 'shoal-bad-'))
      stack.defer(() => rm(directory, { recursive: true, force: true }))
      // As Debian runs it: without Content-Length a cut answer looks like a whole one.
      openstack = await startOpenStack({
        directory: join(directory, 'openstack'),
        mode: 'fakeauth',
        runner: 'uwsgi',
        stripContentLength: true,
      })
      stack.defer(() => openstack.stop())
      cluster = await createCluster(
        { after: (fn) => stack.defer(async () => void (await fn())) },
        {
          peers: 0,
          library: { limitBytesPerSecond: 8 * MIB },
          seedEnv: openstack.env,
          seedConfig: { images: { maxImageBytes: LIMIT_BYTES }, imports: { attempts: 1 } },
        },
      )
      await cluster.startSeed()
    },
    { timeout: 60_000 },
  )

  after(() => stack.disposeAsync())

  // One after the other: they share one library limit, and each looks at what the seed keeps.
  const bad: { name: string; code: string; make: (file: string) => Promise<'raw' | 'qcow2'> }[] = [
    {
      name: 'says raw and is qcow2',
      code: 'SHOAL_IMAGE_FORMAT_MISMATCH',
      make: async (file) => {
        await writeQcow2(file, MIB)
        return 'raw'
      },
    },
    {
      name: 'says qcow2 and is raw',
      code: 'SHOAL_IMAGE_FORMAT_MISMATCH',
      make: async (file) => {
        await writeRandomRaw(file, MIB)
        return 'qcow2'
      },
    },
    {
      name: 'has a backing file',
      code: 'SHOAL_IMAGE_BACKING_FILE',
      make: async (file) => {
        const base = `${file}.base`
        await writeQcow2(base, MIB)
        await run('qemu-img', ['create', '-f', 'qcow2', '-b', base, '-F', 'qcow2', file])
        return 'qcow2'
      },
    },
    {
      name: 'has an external data file',
      code: 'SHOAL_IMAGE_DATA_FILE',
      make: async (file) => {
        await run('qemu-img', ['create', '-f', 'qcow2', '-o', `data_file=${file}.data,data_file_raw=on`, file, '1M'])
        return 'qcow2'
      },
    },
    {
      name: 'is larger than the limit',
      code: 'SHOAL_IMAGE_TOO_LARGE',
      make: async (file) => {
        await writeFile(file, '')
        await truncate(file, LIMIT_BYTES + 512)
        return 'raw'
      },
    },
    {
      name: 'is a qcow2 cut before its tables',
      code: 'SHOAL_IMAGE_QCOW2_L1_TABLE',
      make: async (file) => {
        await writeQcow2(file, 4 * MIB)
        await truncate(file, 128 * 1024)
        return 'qcow2'
      },
    },
  ]

  for (const { name, code, make } of bad) {
    test(`an image that ${name}`, { timeout: 60_000 }, async () => {
      const file = join(directory, name.replaceAll(' ', '-'))
      const diskFormat = await make(file)
      const image = await openstack.uploadImageFast({ name, file, diskFormat })
      await refused(image, code)
    })
  }

  test('an image whose bytes in the library are not those of its hash', { timeout: 60_000 }, async () => {
    const image = await uploadRaw('flipped', 2 * MIB)
    const stored = await open(join(directory, 'openstack', 'images', image), 'r+')
    await stored.write(Buffer.from([0x5a, 0xa5]), 0, 2, MIB)
    await stored.close()
    await refused(image, 'SHOAL_GLANCE_HASH_MISMATCH')
  })

  test('an image of which the library has lost the end', { timeout: 90_000 }, async () => {
    const image = await uploadRaw('cut', 2 * MIB)
    await truncate(join(directory, 'openstack', 'images', image), MIB)
    const { error } = await ended(image)
    assert.ok(
      ['SHOAL_GLANCE_TRUNCATED', 'SHOAL_GLANCE_RANGE', 'SHOAL_GLANCE_PROTOCOL'].includes(error?.code ?? ''),
      error?.code,
    )
    await nothingKept()
  })

  test('an image that is deactivated while it is read', { timeout: 60_000 }, async () => {
    const image = await uploadRaw('deactivated', 48 * MIB)
    await reading(image)
    await openstack.deactivate(image)
    await refusedAfter(image, 'SHOAL_IMAGE_DEACTIVATED')
  })

  test('an image that is deleted while it is read', { timeout: 60_000 }, async () => {
    const image = await uploadRaw('deleted', 48 * MIB)
    await reading(image)
    await openstack.deleteImage(image)
    await refusedAfter(image, 'SHOAL_IMAGE_DELETED')
  })

  async function uploadRaw(name: string, sizeBytes: number): Promise<string> {
    const file = join(directory, name)
    await writeRandomRaw(file, sizeBytes)
    return openstack.uploadImageFast({ name, file, diskFormat: 'raw' })
  }

  async function reading(image: string): Promise<void> {
    await cluster.client.importImage({ params: { image } })
    await until('the import reads', async () => {
      const shown = await cluster.client.showImage({ params: { image } })
      return (shown.import?.bytesRead ?? 0) > MIB
    })
  }

  async function ended(image: string) {
    const shown = await cluster.import(image, 60_000)
    return { state: shown.import?.state, error: shown.import?.error, layer: shown.layer }
  }

  async function refused(image: string, code: string): Promise<void> {
    const { state, error, layer } = await ended(image)
    assert.deepEqual([state, error?.code, layer], ['failed', code, null], JSON.stringify(error))
    assert.ok((error?.hint.length ?? 0) > 10)
    await nothingKept()
  }

  async function refusedAfter(image: string, code: string): Promise<void> {
    const failure = await until('the import ended', async () => {
      const events = await cluster.events('import.cancelled')
      return events.find((event) => event.image === image)
    })
    assert.equal(failure.details.code, code, JSON.stringify(failure))
    await nothingKept()
  }

  async function nothingKept(): Promise<void> {
    assert.deepEqual((await cluster.client.listLayers()).layers, [])
    for (const name of ['staging', 'layers']) {
      const path = join(cluster.directory, 'seed', 'layers', name)
      if ((await stat(path).catch(() => undefined)) !== undefined) assert.deepEqual(await readdir(path), [], name)
    }
  }
})
