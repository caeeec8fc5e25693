import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, type TestContext, test } from 'node:test'
import type { BlockDevice } from '../src/block-device.ts'
import { MemoryDevice } from '../src/memory-device.ts'
import { hasClient, runClient } from './run-client.ts'
import { pattern, startServer } from './start-server.ts'
import { tempDirectory } from './temp-directory.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Data, a hole, data, and a hole at the end; a size that is no multiple of 64 KiB. */
function diskContent(): Buffer {
  const content = Buffer.alloc(5 * MIB + 512)
  pattern(MIB + 64 * KIB).copy(content)
  pattern(512 * KIB).copy(content, 3 * MIB)
  return content
}

const HOLES = [
  { start: 0, length: MIB + 64 * KIB, isData: true },
  { start: MIB + 64 * KIB, length: 2 * MIB - 64 * KIB, isData: false },
  { start: 3 * MIB, length: 512 * KIB, isData: true },
  { start: 3 * MIB + 512 * KIB, length: 1536 * KIB + 512, isData: false },
]

/**
 * What the real clients must get from a server over a device. `open` gives a device of this content whose holes are those of the content;
 * without it the one in memory is served.
 */
export function clientConformance(
  name: string,
  open?: (t: TestContext, content: Buffer) => Promise<BlockDevice>,
): void {
  describe(`real clients of ${name}`, () => {
    let content: Buffer
    before(() => {
      content = diskContent()
    })

    async function serve(t: TestContext) {
      const device = open === undefined ? new MemoryDevice(content) : await open(t, content)
      const { path, server, exports } = await startServer(t, { device })
      const directory = await tempDirectory(t)
      const same = join(directory, 'same.raw')
      await writeFile(same, content)
      return { path, server, exports, directory, same, url: `nbd+unix:///disk?socket=${path}` }
    }

    test('qemu-img info tells the size', async (t) => {
      if (!hasClient(t, 'qemu-img')) return
      const { url } = await serve(t)
      const { code, stdout } = await runClient('qemu-img', 'info', '--output=json', '-f', 'raw', url)
      assert.equal(code, 0)
      assert.equal((JSON.parse(stdout) as { 'virtual-size': number })['virtual-size'], content.length)
    })

    test('qemu-img map tells data and holes', async (t) => {
      if (!hasClient(t, 'qemu-img')) return
      const { url } = await serve(t)
      const { stdout } = await runClient('qemu-img', 'map', '--output=json', '-f', 'raw', url)
      const map = JSON.parse(stdout) as { start: number; length: number; data: boolean; zero: boolean }[]
      assert.deepEqual(
        map.map(({ start, length, data }) => ({ start, length, isData: data })),
        HOLES,
      )
      assert.ok(map.every(({ data, zero }) => data !== zero))
    })

    test('qemu-img convert and compare get every byte', async (t) => {
      if (!hasClient(t, 'qemu-img')) return
      const { url, directory, same, server } = await serve(t)
      const copy = join(directory, 'copy.raw')
      const converted = await runClient('qemu-img', 'convert', '-f', 'raw', '-O', 'raw', url, copy)
      assert.equal(converted.code, 0, converted.output)
      assert.ok((await readFile(copy)).equals(content))
      const whole = await runClient(
        'qemu-img',
        'convert',
        '-S',
        '0',
        '-m',
        '8',
        '-W',
        '-f',
        'raw',
        '-O',
        'raw',
        url,
        copy,
      )
      assert.equal(whole.code, 0, whole.output)
      assert.ok((await readFile(copy)).equals(content))
      const alike = await runClient('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', url, same)
      assert.equal(alike.code, 0, alike.output)
      await writeFile(same, Buffer.from([content[0] === 1 ? 2 : 1]), { flag: 'r+' })
      assert.equal((await runClient('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', url, same)).code, 1)
      assert.equal(server.requestCount, 0)
    })

    test('qemu-io reads what is asked for, aligned or not, and nothing beyond the end', async (t) => {
      if (!hasClient(t, 'qemu-io')) return
      const { url, exports } = await serve(t)
      const io = (command: string) => runClient('qemu-io', '-r', '-f', 'raw', '-c', command, url)
      for (const [offset, length] of [
        [0, 512],
        [1, 1],
        [4095, 4098],
        [MIB + 64 * KIB - 3, 7],
        [5 * MIB, 512],
      ] as const) {
        const { output } = await io(`read -v ${offset} ${length}`)
        assert.ok(readDump(output).equals(content.subarray(offset, offset + length)), `${length} bytes at ${offset}`)
      }
      assert.match((await io(`read -P 0 ${2 * MIB} ${MIB}`)).output, /read 1048576\/1048576/)
      const beyond = await io(`read ${5 * MIB} 1024`)
      assert.match(beyond.output, /read failed|Input\/output error|Invalid argument/)
      assert.equal(exports.usedCount, 0)
    })

    test('qemu-io cannot open it for writing', async (t) => {
      if (!hasClient(t, 'qemu-io')) return
      const { url } = await serve(t)
      const { code, output } = await runClient('qemu-io', '-f', 'raw', '-c', 'write 0 512', url)
      assert.notEqual(code, 0)
      assert.match(output, /Permission denied|read-only/)
    })

    test('qemu-nbd lists the export with its flags, sizes and contexts', async (t) => {
      if (!hasClient(t, 'qemu-nbd')) return
      const { path } = await serve(t)
      const { code, output } = await runClient('qemu-nbd', '--list', '-k', path)
      assert.equal(code, 0, output)
      for (const line of [
        /exports available: 1/,
        /export: 'disk'/,
        /description: +a disk/,
        new RegExp(`size: +${content.length}`),
        /flags:.*readonly.*df.*multi/,
        /min block: 1/,
        /available meta contexts: 1/,
        /base:allocation/,
      ]) {
        assert.match(output, line)
      }
    })

    test('QEMU reads it below a qcow2 overlay, which it writes', async (t) => {
      if (!hasClient(t, 'qemu-img') || !hasClient(t, 'qemu-io')) return
      const { url, directory, same } = await serve(t)
      const overlay = join(directory, 'overlay.qcow2')
      const created = await runClient('qemu-img', 'create', '-f', 'qcow2', '-b', url, '-F', 'raw', overlay)
      assert.equal(created.code, 0, created.output)
      const alike = await runClient('qemu-img', 'compare', '-f', 'qcow2', '-F', 'raw', overlay, same)
      assert.equal(alike.code, 0, alike.output)
      const written = await runClient('qemu-io', '-f', 'qcow2', '-c', 'write -P 7 4k 4k', overlay)
      assert.equal(written.code, 0, written.output)
      const read = await runClient('qemu-io', '-r', '-f', 'qcow2', '-c', 'read -P 7 4k 4k', overlay)
      assert.match(read.output, /read 4096\/4096/)
    })

    test('libnbd, in nbdkit, reads it over several connections', async (t) => {
      if (!hasClient(t, 'nbdkit') || !hasClient(t, 'qemu-img')) return
      const { path, same } = await serve(t)
      const plugin = await runClient('nbdkit', 'nbd', '--dump-plugin')
      if (plugin.code !== 0) return t.skip('nbdkit has no nbd plugin')
      const compare = `qemu-img compare -f raw -F raw "$uri" '${same}' && qemu-img map -f raw --output=json "$uri"`
      const { code, output } = await runClient(
        'nbdkit',
        '-U',
        '-',
        '-r',
        '-e',
        'disk',
        'nbd',
        `socket=${path}`,
        'export=disk',
        '--run',
        compare,
      )
      assert.equal(code, 0, output)
      assert.match(output, /Images are identical/)
      assert.match(output, new RegExp(`"start": ${MIB + 64 * KIB}`))
    })

    test('nbdinfo tells what it is', async (t) => {
      if (!hasClient(t, 'nbdinfo')) return
      const { url } = await serve(t)
      const { code, stdout } = await runClient('nbdinfo', '--json', url)
      assert.equal(code, 0)
      const [info] = (JSON.parse(stdout) as { exports: Record<string, unknown>[] }).exports
      assert.deepEqual([info?.['export-size'], info?.is_read_only, info?.can_multi_conn], [content.length, true, true])
    })

    test('nbdcopy copies it', async (t) => {
      if (!hasClient(t, 'nbdcopy')) return
      const { url, directory } = await serve(t)
      const copy = join(directory, 'copy.raw')
      assert.equal((await runClient('nbdcopy', url, copy)).code, 0)
      assert.ok((await readFile(copy)).equals(content))
    })

    test('fio reads it with its nbd engine', async (t) => {
      if (!hasClient(t, 'fio')) return
      const { url } = await serve(t)
      const job = [
        '--name=read',
        '--ioengine=nbd',
        `--uri=${url}`,
        '--rw=randread',
        '--bs=4k',
        '--iodepth=16',
        '--size=1M',
      ]
      const { code, output } = await runClient('fio', ...job)
      assert.equal(code, 0, output)
    })
  })
}

/** The bytes of a dump as `read -v` of qemu-io prints it. */
function readDump(output: string): Buffer {
  const lines = output.matchAll(/^[0-9a-f]{8}: {2}((?:[0-9a-f]{2} )+)/gm)
  return Buffer.concat([...lines].map(([, hex = '']) => Buffer.from(hex.replaceAll(' ', ''), 'hex')))
}
