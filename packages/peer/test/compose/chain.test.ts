import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { type ChainDescription, describeChain } from '../../src/compose/chain-description.ts'
import { composingNode } from './composing-node.ts'
import { layeredDisk, qemuImg } from './layered-disk.ts'

const MIB = 1024 ** 2
const run = promisify(execFile)

async function described(path: string): Promise<ChainDescription> {
  return JSON.parse(await readFile(path, 'utf8')) as ChainDescription
}

/** The nodes of `-blockdev`, each put where it is referred to, as one image name for qemu-img. */
function nested({ blockdev, nodeName }: ChainDescription): string {
  const expand = (reference: unknown): unknown => {
    if (typeof reference !== 'string') return reference
    const found = blockdev.find((node) => node['node-name'] === reference)
    if (found === undefined) throw new Error(`no node ${reference}`)
    const below = 'backing' in found ? { backing: expand(found.backing) } : {}
    return { ...found, ...('file' in found ? { file: expand(found.file) } : {}), ...below }
  }
  return `json:${JSON.stringify(expand(nodeName))}`
}

for (const baseFormat of ['raw', 'qcow2'] as const) {
  test(`a chain on a ${baseFormat} base shows the flat original by each of its descriptions, and takes what a machine writes`, async () => {
    await using node = await composingNode()
    const { base, middle, flat } = await layeredDisk({ baseFormat, sizeBytes: 4 * MIB })
    await node.add(base, middle)
    const original = join(node.directory, 'original')
    await writeFile(original, flat)
    const { path, overlay, state } = await node.compose('vm', { layer: middle.manifest.digest, format: 'chain' })
    equal(state, 'done')
    equal(path, join(node.disksPath, 'vm.json'))
    equal(overlay, join(node.disksPath, 'vm.qcow2'))
    const description = await described(path)
    equal(description.overlay, overlay)
    await qemuImg('check', '-f', 'qcow2', overlay ?? '')
    await qemuImg('compare', '-F', 'raw', description.image, original)
    await qemuImg('compare', '-F', 'raw', nested(description), original)
    await qemuImg('compare', '-f', 'qcow2', '-F', 'raw', overlay ?? '', original)
    deepEqual((await node.files()).sort(), ['vm.json', 'vm.qcow2'])

    await run('qemu-io', ['-c', 'write -P 7 4096 64k', '-c', 'write -P 8 3M 4k', nested(description)])
    flat.fill(7, 4096, 4096 + 65_536)
    flat.fill(8, 3 * MIB, 3 * MIB + 4096)
    await writeFile(original, flat)
    await qemuImg('compare', '-F', 'raw', nested(description), original)
    for (const { manifest, data } of [base, middle]) {
      const { path: layerPath = '' } = node.store.get(manifest.digest) ?? {}
      equal(Buffer.compare(await readFile(layerPath), data), 0)
    }
  })
}

test('a chain of a base alone has that below its overlay', async () => {
  await using node = await composingNode()
  const { base, baseBytes } = await layeredDisk({ baseFormat: 'qcow2', sizeBytes: MIB })
  await node.add(base)
  const original = join(node.directory, 'original')
  await writeFile(original, baseBytes)
  const { path, overlay } = await node.compose('vm', { layer: base.manifest.digest, format: 'chain' })
  await qemuImg('compare', '-F', 'raw', nested(await described(path)), original)
  await qemuImg('compare', '-f', 'qcow2', '-F', 'raw', overlay ?? '', original)
})

test('the layers of a chain stay until it is removed, after a restart too', async () => {
  await using node = await composingNode()
  const { base, middle } = await layeredDisk({ baseFormat: 'qcow2', sizeBytes: MIB })
  await node.add(base, middle)
  await node.compose('vm', { layer: middle.manifest.digest, format: 'chain' })
  const isRemoved = (digest: typeof base.manifest.digest) => node.holds.remove(digest, () => node.store.remove(digest))
  equal(await isRemoved(base.manifest.digest), false)
  await node.restart()
  equal(await isRemoved(base.manifest.digest), false)
  equal(await isRemoved(middle.manifest.digest), false)
  await node.compositions.remove('vm')
  deepEqual(await node.files(), [])
  equal(await isRemoved(base.manifest.digest), true)
  equal(await isRemoved(middle.manifest.digest), true)
})

test('an overlay that the caller names is described, neither made nor removed', async () => {
  await using node = await composingNode()
  const { base } = await layeredDisk({ baseFormat: 'raw', sizeBytes: MIB })
  await node.add(base)
  const overlay = join(node.directory, "it's & <mine>.qcow2")
  const request = { layer: base.manifest.digest, format: 'chain', overlay } as const
  const { path } = await node.compose('vm', request)
  deepEqual(await node.files(), ['vm.json'])
  await rejects(stat(overlay), { code: 'ENOENT' })
  await rejects(node.compositions.request('vm', { layer: request.layer, format: 'chain' }), {
    code: 'SHOAL_COMPOSE_CONFLICT',
  })
  await writeFile(overlay, 'what a machine wrote')
  const { qemu, libvirt } = await described(path)
  // The shell and an XML parser get back what was meant.
  const { stdout } = await run('sh', ['-c', `printf '%s\\n' ${qemu}`])
  ok(stdout.includes(JSON.stringify(overlay)))
  const script =
    'import sys, xml.dom.minidom as m; print(m.parseString(sys.argv[1]).getElementsByTagName("source")[0].getAttribute("file"))'
  equal((await run('/usr/bin/python3', ['-c', script, libvirt])).stdout, `${overlay}\n`)
  await node.compositions.remove('vm')
  equal(await readFile(overlay, 'utf8'), 'what a machine wrote')
})

test('every format is named, the chain has an end, and no node has a name too long for QEMU', () => {
  const layers = [
    { path: '/layers/middle/disk', format: 'qcow2' },
    { path: '/layers/base/disk', format: 'qcow2' },
  ] as const
  const about = { layer: 'sha256:00', virtualSizeBytes: MIB, layers, overlay: '/disks/vm.qcow2' }
  const { blockdev, libvirt, image } = describeChain({ ...about, name: 'n'.repeat(200) })
  for (const node of blockdev) ok(String(node['node-name']).length <= 31)
  const base = blockdev.find((node) => String(node['node-name']).endsWith('-base'))
  equal(base?.backing, null)
  equal(base?.['read-only'], true)
  equal(libvirt.match(/<format type='qcow2'\/>/g)?.length, 2)
  // libvirt must not give the store's files to another user.
  equal(libvirt.match(/<seclabel model='dac' relabel='no'\/>/g)?.length, 2)
  equal(libvirt.match(/<backingStore\/>/g)?.length, 1)
  ok(image.includes('"backing":null'))
  const other = describeChain({ ...about, name: 'other' })
  ok(!blockdev.some((node) => other.blockdev.some((one) => one['node-name'] === node['node-name'])))
})
