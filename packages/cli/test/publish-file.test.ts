import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, open, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { Layer } from '@shoal/api'
import { Chain, guestDigest, Qcow2Image, RawImage, readHeader } from '@shoal/qcow2'
import { createContext } from '../src/context.ts'
import { type PublishFileArgs, publishFile } from '../src/layer/publish-file.ts'
import { DiskFile } from '../src/middle/disk-file.ts'
import { writeTemporaryFile } from '../src/middle/temporary-file.ts'
import { copyStripped, writeCompressed } from '../src/middle/write-middle.ts'
import { buildImage, buildLayer, digestOf } from './builders.ts'
import { startStandInSeed, TOKEN } from './stand-in-seed.ts'

const run = promisify(execFile)
const MIB = 1024 ** 2
const PARENT_IMAGE = '6f0c2c1e-0000-4000-8000-000000000001'

/** A directory with a base in both formats, an overlay on each, and what a guest sees on the overlays. */
let directory: string
const at = (name: string) => join(directory, name)

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shoal-publish-'))
  await writeFile(at('base.raw'), randomBytes(4 * MIB))
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', at('base.raw'), at('base.qcow2')])
  for (const format of ['raw', 'qcow2']) {
    await create(`over-${format}.qcow2`, `base.${format}`, { format })
  }
  await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', at('over-qcow2.qcow2'), at('guest.raw')])
})
after(() => rm(directory, { recursive: true, force: true }))

/** `qemu-img create -b` as an operator calls it, in the directory of the files, and some writes. */
async function create(name: string, backing: string, { format = 'qcow2', size = '6M', extra = [] as string[] } = {}) {
  const argv = ['create', '-q', '-f', 'qcow2', ...extra, '-b', backing, '-F', format, name, size]
  await run('qemu-img', argv, { cwd: directory })
  if (extra.includes('-u')) return
  const writes = ['-c', 'write -P 0x5a 70k 300k', '-c', 'write -z 1M 128k']
  await run('qemu-io', ['-f', 'qcow2', ...writes, name], { cwd: directory })
}

/** The base as a seed shows it. */
async function baseLayer(format: 'raw' | 'qcow2', changes: Partial<Layer> = {}): Promise<Layer> {
  const bytes = await readFile(at(`base.${format}`))
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  const sizes = { sizeBytes: bytes.length, virtualSizeBytes: 4 * MIB }
  return buildLayer({ digest, format, ...sizes, images: [PARENT_IMAGE], ...changes })
}

class Capture extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

/** Runs the command without an upload, from another directory than that of the file. */
async function dryRun(layer: Layer, args: Partial<PublishFileArgs> & { file: string }, { json = false } = {}) {
  const image = buildImage({ id: PARENT_IMAGE, name: 'the-base', layer: layer.digest, chain: [layer.digest] })
  await using seed = await startStandInSeed({ layers: [layer], images: [image] })
  const stdout = new Capture()
  const env = { OS_CLOUD: 'not-in-any-file' }
  const terminal = { env, cwd: '/', stdout, stderr: new Capture(), isInteractive: false, columns: 100 }
  const options = { args: { seed: seed.url, token: TOKEN, json }, signal: new AbortController().signal }
  const context = createContext({ terminal }, options)
  const code = await publishFile(context, { parent: 'the-base', 'dry-run': true, ...args, file: at(args.file) })
  return { code, text: stdout.text }
}

interface Plan {
  readonly backing: string
  readonly image: Record<string, unknown> & { readonly properties: Record<string, string> }
}

async function planFor(layer: Layer, args: Partial<PublishFileArgs> & { file: string }): Promise<Plan> {
  return JSON.parse((await dryRun(layer, args, { json: true })).text) as Plan
}

async function digestOfGuest(): Promise<string> {
  await using file = await DiskFile.open(at('guest.raw'))
  return await guestDigest(new Chain([new RawImage(file)]))
}

describe('publishing an overlay, up to the upload', () => {
  it('plans a hidden, private image with the properties of a middle', async () => {
    const layer = await baseLayer('qcow2')
    const { backing, image } = await planFor(layer, { file: 'over-qcow2.qcow2' })
    assert.equal(backing, at('base.qcow2'))
    assert.deepEqual(image, {
      name: 'over-qcow2',
      visibility: 'private',
      diskFormat: 'qcow2',
      isHidden: true,
      minDiskGb: 2147483647,
      minRamMb: 2147483647,
      properties: {
        shoal_kind: 'middle',
        shoal_parent: layer.digest,
        shoal_parent_image: PARENT_IMAGE,
        shoal_guest_digest: await digestOfGuest(),
      },
    })
  })

  it('takes name and visibility as asked for, and the parent by digest', async () => {
    const layer = await baseLayer('qcow2')
    const asked = { name: 'web', visibility: 'shared', parent: layer.digest } as const
    const { image } = await planFor(layer, { file: 'over-qcow2.qcow2', ...asked })
    assert.deepEqual([image.name, image.visibility], ['web', 'shared'])
    assert.equal(image.properties.shoal_parent_image, PARENT_IMAGE)
  })

  it('shows which backing file it takes before it says what it would do', async () => {
    const { text } = await dryRun(await baseLayer('qcow2'), { file: 'over-qcow2.qcow2' })
    const shown = text.indexOf(at('base.qcow2'))
    assert.ok(shown >= 0 && shown < text.indexOf('shoal_parent'), text)
    assert.match(text, /named in the file's header/)
    const named = await dryRun(await baseLayer('qcow2'), { file: 'over-qcow2.qcow2', backing: at('base.qcow2') })
    assert.match(named.text, /named by --backing/)
  })

  it('proves a raw layer by its file, and by a qcow2 copy of it', async () => {
    const layer = await baseLayer('raw')
    const expected = await digestOfGuest()
    for (const file of ['over-raw.qcow2', 'over-qcow2.qcow2']) {
      const { image } = await planFor(layer, { file })
      assert.equal(image.properties.shoal_guest_digest, expected, file)
    }
  })

  it('refuses what is not proven to be the parent', async () => {
    // The same disk in another file: that cannot be known without the layer.
    await run('qemu-img', [
      'convert',
      '-f',
      'raw',
      '-O',
      'qcow2',
      '-o',
      'cluster_size=4k',
      at('base.raw'),
      at('other.qcow2'),
    ])
    const refused: [Layer, Partial<PublishFileArgs> & { file: string }][] = [
      [await baseLayer('qcow2'), { file: 'over-qcow2.qcow2', backing: at('other.qcow2') }],
      [await baseLayer('qcow2'), { file: 'over-raw.qcow2' }],
      [await baseLayer('qcow2', { digest: digestOf('bbbbbbbb') }), { file: 'over-qcow2.qcow2' }],
      [await baseLayer('raw', { digest: digestOf('bbbbbbbb') }), { file: 'over-qcow2.qcow2' }],
    ]
    for (const [layer, args] of refused) {
      await assert.rejects(dryRun(layer, args), { code: 'SHOAL_CLI_PARENT_UNPROVEN' }, JSON.stringify(args))
    }
  })

  it('refuses the right file that the overlay reads in the wrong format', async () => {
    await create('misread.qcow2', 'base.qcow2', { format: 'raw' })
    const misread = dryRun(await baseLayer('qcow2'), { file: 'misread.qcow2' })
    await assert.rejects(misread, { code: 'SHOAL_CLI_PARENT_UNPROVEN', message: /read as raw/ })
  })

  it('refuses a chain that is deeper than base and middle', async () => {
    await create('top.qcow2', 'over-qcow2.qcow2')
    await assert.rejects(dryRun(await baseLayer('qcow2'), { file: 'top.qcow2' }), { code: 'SHOAL_CLI_CHAIN_TOO_DEEP' })
  })

  it('follows no protocol that a header names, and says when there is no name', async () => {
    await create('remote.qcow2', 'nbd://127.0.0.1/base', { extra: ['-u'] })
    await create('json.qcow2', 'json:{"driver":"null-co"}', { extra: ['-u'] })
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', at('alone.qcow2'), '6M'])
    for (const file of ['remote.qcow2', 'json.qcow2', 'alone.qcow2']) {
      await assert.rejects(dryRun(await baseLayer('qcow2'), { file }), { code: 'SHOAL_CLI_BACKING_FILE' }, file)
    }
    await create('gone.qcow2', 'nowhere.qcow2', { extra: ['-u'] })
    await assert.rejects(dryRun(await baseLayer('qcow2'), { file: 'gone.qcow2' }), { code: 'SHOAL_CLI_DISK_FILE' })
  })

  it('refuses a parent that is a middle or withdrawn, and a disk that is smaller than its base', async () => {
    const file = 'over-qcow2.qcow2'
    for (const changes of [{ kind: 'middle' }, { state: 'withdrawn' }] as const) {
      await assert.rejects(dryRun(await baseLayer('qcow2', changes), { file }), { code: 'SHOAL_CLI_PARENT_UNFIT' })
    }
    await create('small.qcow2', 'base.qcow2', { size: '2M' })
    await assert.rejects(dryRun(await baseLayer('qcow2'), { file: 'small.qcow2' }), { code: 'SHOAL_CLI_MIDDLE_SIZE' })
  })

  it('refuses what the seed would refuse: another format, an internal snapshot, a directory', async () => {
    const layer = await baseLayer('qcow2')
    await assert.rejects(dryRun(layer, { file: 'base.raw' }), { code: 'SHOAL_IMAGE_FORMAT_MISMATCH' })
    await create('snapshot.qcow2', 'base.qcow2')
    await run('qemu-img', ['snapshot', '-c', 'before', at('snapshot.qcow2')])
    await assert.rejects(dryRun(layer, { file: 'snapshot.qcow2' }), { code: 'SHOAL_IMAGE_SNAPSHOTS' })
    await mkdir(at('folder'))
    await assert.rejects(dryRun(layer, { file: 'folder' }), { code: 'SHOAL_CLI_DISK_FILE' })
  })

  it('wants to know the cloud before it works, unless nothing is to be uploaded', async () => {
    const layer = await baseLayer('qcow2')
    const published = dryRun(layer, { file: 'over-qcow2.qcow2', 'dry-run': false })
    await assert.rejects(published, { code: 'SHOAL_CLOUD_CONFIG' })
  })
})

describe('the file that is uploaded', () => {
  const options = { signal: new AbortController().signal, onProgress: () => {} }

  /** What a guest sees with the file as it is written, on the base. */
  async function shownBy(path: string): Promise<Buffer> {
    await using file = await DiskFile.open(path)
    await using below = await DiskFile.open(at('base.raw'))
    const disk = new Chain([await Qcow2Image.open(file), new RawImage(below)])
    return await disk.read(0, disk.virtualSizeBytes)
  }

  it('is the overlay without the name in its header', async () => {
    await using file = await DiskFile.open(at('over-qcow2.qcow2'))
    const image = await Qcow2Image.open(file)
    await using written = await writeTemporaryFile(directory, (sink) => copyStripped({ file, image }, sink, options))
    const [before, now] = await Promise.all([readFile(file.path), readFile(written.path)])
    assert.equal(readHeader(now).backingName, undefined)
    assert.equal(now.length, before.length)
    assert.ok(now.subarray(65_536).equals(before.subarray(65_536)))
    const { stdout } = await run('qemu-img', ['info', '--output=json', '-f', 'qcow2', written.path])
    assert.equal((JSON.parse(stdout) as Record<string, unknown>)['backing-filename'], undefined)
    await run('qemu-img', ['check', '-q', '-f', 'qcow2', written.path])
    assert.ok((await shownBy(written.path)).equals(await readFile(at('guest.raw'))))
  })

  it('may be written anew, compressed, with the same disk in it', async () => {
    await using file = await DiskFile.open(at('over-qcow2.qcow2'))
    await using below = await DiskFile.open(at('base.raw'))
    const layers = { overlay: await Qcow2Image.open(file), base: new RawImage(below) }
    await using written = await writeTemporaryFile(directory, (sink) => writeCompressed(layers, sink, options))
    await run('qemu-img', ['check', '-q', '-f', 'qcow2', written.path])
    assert.ok((await readFile(written.path)).length < (await readFile(file.path)).length)
    assert.ok((await shownBy(written.path)).equals(await readFile(at('guest.raw'))))
  })

  it('is gone afterwards, also when writing it has failed', async () => {
    const parent = at('temporary')
    await mkdir(parent)
    const failed = writeTemporaryFile(parent, async (sink) => {
      await sink.write(0, Buffer.from('some'))
      throw new Error('no more')
    })
    await assert.rejects(failed, { message: 'no more' })
    const written = await writeTemporaryFile(parent, (sink) => sink.write(0, Buffer.from('some')))
    assert.equal((await readdir(parent)).length, 1)
    await written[Symbol.asyncDispose]()
    assert.deepEqual(await readdir(parent), [])
    const nowhere = writeTemporaryFile(at('nowhere'), async () => {})
    await assert.rejects(nowhere, { code: 'SHOAL_CLI_TEMPORARY' })
  })

  it('is not taken from a disk that somebody writes to meanwhile', async () => {
    await writeFile(at('written.raw'), Buffer.alloc(4096))
    await utimes(at('written.raw'), 1, 1)
    await using file = await DiskFile.open(at('written.raw'))
    await file.checkUnchanged()
    const handle = await open(at('written.raw'), 'r+')
    await handle.write(Buffer.from('x'), 0, 1, 0)
    await handle.close()
    await assert.rejects(file.checkUnchanged(), { code: 'SHOAL_CLI_DISK_FILE' })
  })
})
