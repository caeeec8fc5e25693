import { deepEqual, equal, ok } from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { bootUri, describeBoot } from '../../src/boot/boot-description.ts'

const run = promisify(execFile)
const parts = { name: 'vm-1', socket: "/run/it's & mine/nbd.sock", overlay: '/disks/<vm>.qcow2' }

/** What an XML parser finds at the end of a path of elements below the disk. */
async function inXml(xml: string, ...path: string[]): Promise<Record<string, string>> {
  const script =
    'import sys, json, xml.etree.ElementTree as e; n = e.fromstring(sys.argv[1]).find(sys.argv[2]); print(json.dumps(n.attrib))'
  return JSON.parse((await run('/usr/bin/python3', ['-c', script, xml, path.join('/')])).stdout)
}

test('every node stands before those that refer to it, with its format, and asks again after a restart of the server', () => {
  const { blockdev, nodeName } = describeBoot(parts)
  deepEqual(
    blockdev.map(({ driver }) => driver),
    ['nbd', 'raw', 'file', 'qcow2'],
  )
  const known = new Set<unknown>()
  for (const node of blockdev) {
    for (const field of ['file', 'backing']) if (field in node) ok(known.has(node[field]), String(node[field]))
    known.add(node['node-name'])
  }
  ok(known.has(nodeName))
  const [nbd] = blockdev
  deepEqual(nbd?.server, { type: 'unix', path: parts.socket })
  deepEqual([nbd?.export, nbd?.['read-only'], nbd?.['reconnect-delay'], nbd?.['open-timeout']], ['vm-1', true, 600, 30])
  for (const node of describeBoot({ ...parts, name: 'n'.repeat(200) }).blockdev) {
    ok(String(node['node-name']).length <= 31)
  }
  ok(!describeBoot({ ...parts, name: 'other' }).blockdev.some((node) => known.has(node['node-name'])))
})

test('without an overlay the export is the disk, read-only', async () => {
  const { blockdev, nodeName, libvirt } = describeBoot({ ...parts, overlay: null })
  equal(blockdev.length, 2)
  equal(blockdev.at(-1)?.['node-name'], nodeName)
  equal(blockdev.at(-1)?.['read-only'], true)
  deepEqual(await inXml(libvirt, 'source'), { protocol: 'nbd', name: 'vm-1' })
  deepEqual(await inXml(libvirt, 'readonly'), {})
})

test('a shell, an XML parser and a URL give back what was meant', async () => {
  const { qemu, libvirt, blockdev } = describeBoot(parts)
  const { stdout } = await run('sh', ['-c', `printf '%s\\n' ${qemu}`])
  const words = stdout.trimEnd().split('\n')
  deepEqual(
    words.flatMap((word, at) => (words[at - 1] === '-blockdev' ? [JSON.parse(word)] : [])),
    [...blockdev],
  )
  ok(words.at(-1)?.endsWith('rerror=stop,werror=stop'))
  deepEqual(await inXml(libvirt, 'source'), { file: parts.overlay })
  deepEqual(await inXml(libvirt, 'backingStore', 'source', 'host'), { transport: 'unix', socket: parts.socket })
  deepEqual(await inXml(libvirt, 'backingStore', 'source', 'reconnect'), { delay: '600' })
  deepEqual(await inXml(libvirt, 'driver'), {
    ...{ name: 'qemu', type: 'qcow2' },
    ...{ error_policy: 'stop', rerror_policy: 'stop' },
  })
  const url = new URL(bootUri(parts))
  deepEqual([url.pathname, url.searchParams.get('socket')], ['/vm-1', parts.socket])
})
