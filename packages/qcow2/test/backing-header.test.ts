import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { withBacking } from '../src/backing-header.ts'
import { encodeHeader } from '../src/encode-header.ts'
import { readHeader } from '../src/header.ts'
import { qemuImg, qemuIo } from './qemu-img.ts'
import { tempDirectory } from './temp-directory.ts'

async function rewrite(path: string, change: (firstCluster: Buffer) => Buffer): Promise<void> {
  const file = await open(path, 'r+')
  const head = Buffer.alloc(65_536)
  await file.read(head, 0, head.length, 0)
  await file.write(change(head), 0, head.length, 0)
  await file.close()
}

for (const compat of ['0.10', '1.1']) {
  test(`the backing file of a real overlay is taken away and named again, version ${compat}`, async (t) => {
    const directory = await tempDirectory(t)
    const [base, overlay, copy] = ['base.qcow2', 'overlay.qcow2', 'flat.raw'].map((name) => join(directory, name))
    assert.ok(base !== undefined && overlay !== undefined && copy !== undefined)
    await qemuImg('create', '-q', '-f', 'qcow2', base, '4M')
    await qemuIo(base, 'qcow2', ['write -P 1 0 2M'])
    await qemuImg('create', '-q', '-f', 'qcow2', '-o', `compat=${compat}`, '-b', base, '-F', 'qcow2', overlay)
    await qemuIo(overlay, 'qcow2', ['write -P 2 1M 64k'])
    await qemuImg('convert', '-f', 'qcow2', '-O', 'raw', overlay, copy)

    await rewrite(overlay, (head) => withBacking(head, undefined))
    const alone = JSON.parse(await qemuImg('info', '--output=json', '-f', 'qcow2', overlay)) as object
    assert.ok(!('backing-filename' in alone))

    await rewrite(overlay, (head) => withBacking(head, { path: base, format: 'qcow2' }))
    const info = JSON.parse(await qemuImg('info', '--output=json', '-f', 'qcow2', overlay)) as Record<string, unknown>
    assert.equal(info['backing-filename'], base)
    assert.equal(info['backing-filename-format'], 'qcow2')
    await qemuImg('check', '-q', '-f', 'qcow2', overlay)
    await qemuImg('compare', '-f', 'qcow2', '-F', 'raw', overlay, copy)
  })
}

test('a name that the format has no room for is a mistake of the caller', () => {
  const head = Buffer.alloc(65_536)
  encodeHeader({
    clusterBits: 16,
    virtualSizeBytes: 65_536,
    compression: 'zlib',
    l1Offset: 65_536,
    l1Entries: 1,
    refcountTableOffset: 131_072,
    refcountTableClusters: 1,
  }).copy(head)
  assert.throws(() => withBacking(head, { path: 'x'.repeat(1024), format: 'raw' }), TypeError)
  assert.throws(() => withBacking(head, { path: '', format: 'raw' }), TypeError)
  assert.equal(readHeader(withBacking(head, { path: '/a', format: 'raw' })).backingName, '/a')
})
