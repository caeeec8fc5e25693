import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import { type OpenStack, startOpenStack } from '../infra/openstack/openstack.ts'
import { type Cluster, createCluster } from './harness/cluster.ts'
import { runShoal } from './harness/run-shoal.ts'
import { writeQcow2 } from './harness/test-images.ts'

const run = promisify(execFile)
const MIB = 1024 ** 2
const MAX_VIRTUAL_BYTES = 512 * MIB

suite("an operator's own overlay is published as a middle by way of a real Glance", () => {
  let directory: string
  let openstack: OpenStack
  let cluster: Cluster
  let base: { image: string; layer: string }
  const stack = new AsyncDisposableStack()
  const at = (name: string) => join(directory, name)

  before(
    async () => {
      directory = await mkdtemp(join(tmpdir(), 'shoal-middle-'))
      stack.defer(() => rm(directory, { recursive: true, force: true }))
      openstack = await startOpenStack({ directory: at('openstack') })
      stack.defer(() => openstack.stop())
      cluster = await createCluster(
        { after: (fn) => stack.defer(async () => void (await fn())) },
        {
          peers: 0,
          library: {},
          seedEnv: openstack.env,
          seedConfig: { images: { maxVirtualBytes: MAX_VIRTUAL_BYTES } },
        },
      )
      await cluster.startSeed()
      base = await addBase('the-base', 1)
    },
    { timeout: 90_000 },
  )

  after(() => stack.disposeAsync())

  test('base and middle show what the overlay showed, and Glance keeps the middle hidden', {
    timeout: 120_000,
  }, async () => {
    const overlay = await makeOverlay('overlay', 'the-base')
    const published = await publish(overlay, 'the-base', '--json')
    assert.equal(published.code, 0, published.stderr)
    const image = JSON.parse(published.stdout) as { id: string; layer: string; chain: string[] }
    assert.deepEqual(image.chain, [base.layer, image.layer])

    const record = (await openstack.glance('GET', `/v2/images/${image.id}`)) as Record<string, unknown>
    const { name, os_hidden, visibility, status, min_disk, min_ram, disk_format, container_format } = record
    assert.deepEqual(
      { name, os_hidden, visibility, status, min_disk, min_ram, disk_format, container_format },
      {
        ...{ name: 'overlay', os_hidden: true, visibility: 'private', status: 'active' },
        ...{ min_disk: 2147483647, min_ram: 2147483647, disk_format: 'qcow2', container_format: 'bare' },
      },
    )
    const { shoal_kind, shoal_parent, shoal_parent_image, shoal_guest_digest } = record
    assert.deepEqual([shoal_kind, shoal_parent, shoal_parent_image], ['middle', base.layer, base.image])
    assert.match(String(shoal_guest_digest), /^[0-9a-f]{64}$/)
    const listed = (await openstack.glance('GET', '/v2/images')) as { images: { id: string }[] }
    assert.ok(!listed.images.some(({ id }) => id === image.id), 'a list shows it')

    // What Glance stores names no backing file, and is the layer byte by byte.
    const stored = join(directory, 'openstack', 'images', image.id)
    assert.equal(await backingName(stored), undefined)
    assert.equal(
      `sha256:${createHash('sha256')
        .update(await readFile(stored))
        .digest('hex')}`,
      image.layer,
    )

    const layer = await cluster.client.showLayer({ params: { layer: image.layer } })
    assert.deepEqual([layer.kind, layer.parent, layer.images], ['middle', base.layer, [image.id]])
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', overlay, at('expected.raw')])
    await run('qemu-img', ['convert', '-O', 'raw', chainOf(image.layer, base.layer), at('shown.raw')])
    assert.ok((await readFile(at('shown.raw'))).equals(await readFile(at('expected.raw'))))
    const reads = await openstack.imageReads(image.id)
    assert.deepEqual(
      reads.map(({ status }) => status),
      [200],
    )
    // The operator's own file is as it was, and nothing is left beside it.
    assert.equal(await backingName(overlay), 'the-base.qcow2')
    assert.deepEqual(
      (await readdir(directory)).filter((entry) => entry.startsWith('.shoal')),
      [],
    )
  })

  test('written anew and compressed, with another name, it shows the same', { timeout: 120_000 }, async () => {
    const overlay = await makeOverlay('roomy', 'the-base')
    const published = await publish(overlay, base.layer, '--compress', '--name', 'small', '--json')
    assert.equal(published.code, 0, published.stderr)
    const image = JSON.parse(published.stdout) as { name: string; layer: string }
    assert.equal(image.name, 'small')
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', overlay, at('expected.raw')])
    await run('qemu-img', ['convert', '-O', 'raw', chainOf(image.layer, base.layer), at('shown.raw')])
    assert.ok((await readFile(at('shown.raw'))).equals(await readFile(at('expected.raw'))))
  })

  test('over another parent, or too deep, it is refused before anything is uploaded', {
    timeout: 120_000,
  }, async () => {
    await addBase('another-base', 2)
    const uploads = await putRequests()
    const overlay = await makeOverlay('elsewhere', 'the-base')
    const misplaced = await publish(overlay, 'another-base')
    assert.deepEqual([misplaced.code, codeIn(misplaced.stderr)], [6, 'SHOAL_CLI_PARENT_UNPROVEN'])
    const top = await makeOverlay('top', 'elsewhere')
    const deep = await publish(top, 'the-base')
    assert.deepEqual([deep.code, codeIn(deep.stderr)], [2, 'SHOAL_CLI_CHAIN_TOO_DEEP'])
    const early = await publish(overlay, 'nowhere')
    assert.deepEqual([early.code, codeIn(early.stderr)], [3, 'SHOAL_CLI_LAYER_UNKNOWN'])
    assert.equal(await putRequests(), uploads)
  })

  test('that the seed refuses is gone from Glance again', { timeout: 120_000 }, async () => {
    const before = await hiddenImages()
    const large = await makeOverlay('large', 'the-base', String(2 * MAX_VIRTUAL_BYTES))
    const refused = await publish(large, 'the-base')
    assert.deepEqual([refused.code, codeIn(refused.stderr)], [6, 'SHOAL_IMAGE_VIRTUAL_SIZE_TOO_LARGE'])
    assert.deepEqual(await hiddenImages(), before)
  })

  test('with a tampered claim, or a parent that is not imported, the seed refuses it', {
    timeout: 120_000,
  }, async () => {
    const overlay = await makeOverlay('claimed', 'the-base')
    await run('qemu-img', ['rebase', '-u', '-f', 'qcow2', '-b', '', overlay])
    const claims: [code: string, parent: string][] = [
      ['SHOAL_IMAGE_PARENT_UNPROVEN', base.layer],
      ['SHOAL_IMAGE_PARENT_UNKNOWN', `sha256:${'ab'.repeat(32)}`],
      ['SHOAL_IMAGE_MIDDLE_PROPERTY', 'the-base'],
    ]
    for (const [code, parent] of claims) {
      const properties = { shoal_kind: 'middle', shoal_parent: parent, shoal_guest_digest: 'cd'.repeat(32) }
      const upload = { name: code, file: overlay, diskFormat: 'qcow2', properties } as const
      const shown = await cluster.import(await openstack.uploadImageFast(upload))
      assert.deepEqual([shown.import?.state, shown.import?.error?.code, shown.layer], ['failed', code, null])
    }
  })

  async function addBase(name: string, seed: number) {
    const file = at(`${name}.qcow2`)
    await writeQcow2(file, 24 * MIB, seed)
    const image = await openstack.uploadImageFast({ name, file, diskFormat: 'qcow2' })
    const { layer } = await cluster.import(image)
    assert.ok(layer !== null)
    return { image, layer }
  }

  /** An overlay as an operator makes it: the name of its base is relative to its own directory. */
  async function makeOverlay(name: string, below: string, size?: string): Promise<string> {
    const file = `${name}.qcow2`
    const argv = ['create', '-q', '-f', 'qcow2', '-b', `${below}.qcow2`, '-F', 'qcow2', file]
    await run('qemu-img', size === undefined ? argv : [...argv, size], { cwd: directory })
    const writes = ['-c', 'write -P 0x5a 3M 2M', '-c', 'write -z 8M 1M', '-c', 'write -P 7 23M 64k']
    await run('qemu-io', ['-f', 'qcow2', ...writes, file], { cwd: directory })
    return at(file)
  }

  function publish(file: string, parent: string, ...more: string[]) {
    const argv = ['layer', 'publish', file, '--parent', parent, '--seed', cluster.seed.url]
    const token = ['--token-file', join(cluster.directory, 'seed', 'operator.token')]
    return runShoal([...argv, ...token, ...more], openstack.env)
  }

  function chainOf(middle: string, below: string): string {
    const disk = (layer: string) => cluster.layerFile('seed', layer)
    const backing = { driver: 'qcow2', file: { driver: 'file', filename: disk(below) } }
    return `json:${JSON.stringify({ driver: 'qcow2', file: { driver: 'file', filename: disk(middle) }, backing })}`
  }

  async function hiddenImages(): Promise<string[]> {
    const answer = (await openstack.glance('GET', '/v2/images?os_hidden=true')) as { images: { id: string }[] }
    return answer.images.map(({ id }) => id).sort()
  }

  async function putRequests(): Promise<number> {
    return (await openstack.accessLog()).filter(({ method, path }) => method === 'PUT' && path.endsWith('/file')).length
  }
})

async function backingName(path: string): Promise<unknown> {
  const { stdout } = await run('qemu-img', ['info', '-U', '--output=json', '-f', 'qcow2', path])
  return (JSON.parse(stdout) as Record<string, unknown>)['backing-filename']
}

function codeIn(stderr: string): string | undefined {
  return /^code: (\S+)$/m.exec(stderr)?.[1]
}
