import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { ShoalError } from '@shoal/core'
import fc from 'fast-check'
import {
  assertAccepted,
  checkDeclaration,
  type Declared,
  HEAD_BYTES,
  imageErrors,
  inspectHead,
  inspectImage,
  QCOW2_HEAD_CHECKS,
  QCOW2_TABLE_CHECKS,
  RAW_CHECKS,
  type Verdict,
} from '../../src/inspect/index.ts'
import { craftImage } from './craft-image.ts'
import { hostileCorpus } from './hostile-corpus.ts'
import { MemoryAccess } from './memory-access.ts'
import { buildQcow2 } from './qcow2-builder.ts'

const limits = { maxImageBytes: 1024 ** 4, maxVirtualBytes: 2 * 1024 ** 4 }
const run = promisify(execFile)

const judge = (image: Buffer, format: 'raw' | 'qcow2', more: Partial<Declared> = {}) =>
  inspectImage(new MemoryAccess(image), { format, sizeBytes: image.length, ...more }, limits)

async function inspect(image: Buffer, format: 'raw' | 'qcow2', more: Partial<Declared> = {}) {
  const verdict = await judge(image, format, more)
  assertAccepted(verdict)
  return { format: verdict.format, virtualSizeBytes: verdict.virtualSizeBytes }
}

const named = (verdict: Verdict, outcome: string) =>
  verdict.checks.filter((check) => check.outcome === outcome).map(({ name }) => name)

const declaration = (change: object) => ({
  id: 'i',
  diskFormat: 'raw',
  containerFormat: 'bare',
  sizeBytes: 512,
  ...change,
})

describe('checkDeclaration', () => {
  it('accepts bare raw and qcow2 images', () => {
    assert.deepEqual(checkDeclaration(declaration({}), limits), { format: 'raw', sizeBytes: 512 })
    assert.equal(checkDeclaration(declaration({ diskFormat: 'qcow2' }), limits).format, 'qcow2')
  })
  const refusals: [string, object][] = [
    ['SHOAL_IMAGE_FORMAT_UNSUPPORTED', { diskFormat: 'vmdk' }],
    ['SHOAL_IMAGE_FORMAT_UNSUPPORTED', { diskFormat: null }],
    ['SHOAL_IMAGE_CONTAINER_UNSUPPORTED', { containerFormat: 'ova' }],
    ['SHOAL_IMAGE_SIZE_UNKNOWN', { sizeBytes: null }],
    ['SHOAL_IMAGE_EMPTY', { sizeBytes: 0 }],
    ['SHOAL_IMAGE_TOO_LARGE', { sizeBytes: limits.maxImageBytes + 1 }],
  ]
  for (const [code, change] of refusals) {
    it(`refuses ${JSON.stringify(change)} with ${code}`, () => {
      assert.throws(() => checkDeclaration(declaration(change), limits), { code })
    })
  }
})

describe('inspection', () => {
  for (const { name, format, code, bytes } of hostileCorpus()) {
    it(code === null ? `accepts what is ${name}` : `refuses ${name} with ${code}`, async () => {
      const verdict = await judge(bytes, format)
      assert.equal(verdict.isAccepted, code === null)
      if (code !== null) return assert.throws(() => assertAccepted(verdict), { code })
      assert.deepEqual(named(verdict, 'passed').length, verdict.checks.length)
      assert.ok(inspectHead(bytes.subarray(0, HEAD_BYTES), { format, sizeBytes: bytes.length }, limits).isAccepted)
    })
  }

  it('has a crafted file for every code but those of the declaration', () => {
    const tripped = new Set(hostileCorpus().map(({ code }) => code))
    const elsewhere = [
      ...['FORMAT_UNSUPPORTED', 'CONTAINER_UNSUPPORTED', 'SIZE_UNKNOWN', 'EMPTY', 'TOO_LARGE'],
      // The first needs a file of 64 GiB, the second an overlay: both are below.
      ...['QCOW2_CLUSTERS', 'QCOW2_BACKING_NAME'],
    ].map((code) => `SHOAL_IMAGE_${code}`)
    assert.deepEqual(
      Object.keys(imageErrors).filter((code) => !tripped.has(code)),
      Object.keys(imageErrors).filter((code) => elsewhere.includes(code)),
    )
  })

  it('tells of every check, and runs those that need nothing of what failed', async () => {
    const verdict = await judge(
      buildQcow2({ clusterBits: 8, backingOffset: 512n, backingLength: 8, snapshots: 2 }),
      'qcow2',
    )
    assert.deepEqual(
      verdict.checks.map(({ name }) => name),
      [...QCOW2_HEAD_CHECKS, ...QCOW2_TABLE_CHECKS],
    )
    assert.deepEqual(named(verdict, 'failed'), ['cluster-size', 'backing-file', 'snapshots'])
    for (const name of ['version', 'features', 'virtual-size', 'tail-signature'] as const) {
      assert.ok(named(verdict, 'passed').includes(name), name)
    }
    assert.ok(named(verdict, 'skipped').includes('l1-table'))
    assert.equal(verdict.virtualSizeBytes, 1024 ** 3)
    const [fault] = verdict.checks.filter(({ outcome }) => outcome === 'failed')
    assert.equal(fault?.code, 'SHOAL_IMAGE_QCOW2_CLUSTER_BITS')
    assert.deepEqual(fault.details, { clusterBits: 8 })
    assert.match(fault.message ?? '', /cluster_bits 8/)
    assert.match(fault.hint ?? '', /qemu-img convert/)
    assert.deepEqual(
      (await judge(Buffer.alloc(512), 'raw')).checks.map(({ name }) => name),
      [...RAW_CHECKS],
    )
  })

  it('skips what depends on tables that could not be followed', async () => {
    const image = craftImage()
    image.bytes.writeBigUInt64BE(1n << 60n, image.l1Offset)
    const verdict = await judge(image.bytes, 'qcow2')
    assert.deepEqual(named(verdict, 'failed'), ['l1-entries'])
    assert.deepEqual(named(verdict, 'skipped'), ['l2-tables', 'cluster-overlap', 'expansion'])
  })

  it('tells by the first bytes alone, and leaves the rest open', () => {
    const head = buildQcow2().subarray(0, HEAD_BYTES)
    const verdict = inspectHead(head, { format: 'qcow2', sizeBytes: 4 * HEAD_BYTES }, limits)
    assert.ok(verdict.isAccepted)
    assert.deepEqual(named(verdict, 'skipped'), [...QCOW2_TABLE_CHECKS])
    assert.deepEqual(named(verdict, 'passed'), [...QCOW2_HEAD_CHECKS])
  })

  it('refuses a file of more clusters than it is willing to count, by its first bytes', () => {
    const head = craftImage({ clusterBits: 9 }).bytes
    const code = 'SHOAL_IMAGE_QCOW2_CLUSTERS'
    const verdict = (sizeBytes: number) => inspectHead(head, { format: 'qcow2', sizeBytes }, limits)
    assert.throws(() => assertAccepted(verdict(512 * 2 ** 27 + 1)), { code })
    assert.ok(verdict(512 * 2 ** 27).isAccepted)
  })

  it("refuses tables above QEMU's own bounds even where the file has room for them", () => {
    const tooLarge = [
      ['SHOAL_IMAGE_QCOW2_L1_TABLE', buildQcow2({ l1Entries: 4 * 1024 ** 2 + 1 })],
      ['SHOAL_IMAGE_QCOW2_REFCOUNT_TABLE', buildQcow2({ refcountClusters: 129, refcountOffset: 65_536n * 1024n })],
    ] as const
    for (const [code, bytes] of tooLarge) {
      const head = bytes.subarray(0, HEAD_BYTES)
      const verdict = inspectHead(head, { format: 'qcow2', sizeBytes: 1024 ** 4 }, limits)
      assert.throws(() => assertAccepted(verdict), { code })
    }
  })

  it('lets an overlay of the operator name its backing file, within bounds, and nobody else', async () => {
    const allowed = { allowsBackingFile: true }
    const overlay = buildQcow2({ backingOffset: 512n, backingLength: 11 })
    assert.equal((await inspect(overlay, 'qcow2', allowed)).virtualSizeBytes, 1024 ** 3)
    await assert.rejects(inspect(overlay, 'qcow2'), { code: 'SHOAL_IMAGE_BACKING_FILE' })
    const backingFormat = [{ type: 0xe2792aca, data: Buffer.from('raw') }]
    const old = buildQcow2({ version: 2, backingOffset: 512n, backingLength: 11, extensions: backingFormat })
    assert.ok((await judge(old, 'qcow2', allowed)).isAccepted)
    const outside = [
      { backingOffset: 512n },
      { backingLength: 11 },
      { backingOffset: 512n, backingLength: 1024 },
      { backingOffset: 65_530n, backingLength: 11 },
      { backingOffset: 8n, backingLength: 11 },
      { backingOffset: 1n << 63n, backingLength: 11 },
    ]
    for (const fields of outside) {
      const bytes = buildQcow2(fields)
      await assert.rejects(inspect(bytes, 'qcow2', allowed), { code: 'SHOAL_IMAGE_QCOW2_BACKING_NAME' })
    }
    const dataFile = buildQcow2({ backingOffset: 512n, backingLength: 11, incompatible: 4n })
    await assert.rejects(inspect(dataFile, 'qcow2', allowed), { code: 'SHOAL_IMAGE_DATA_FILE' })
  })

  it('reads the tables of an image once, and none of its content', async () => {
    const content = Array.from({ length: 600 }, () => 'data' as const)
    const image = craftImage({ clusterBits: 12, content })
    const source = new MemoryAccess(image.bytes)
    assert.ok((await inspectImage(source, { format: 'qcow2', sizeBytes: source.sizeBytes }, limits)).isAccepted)
    const tables = image.l2Offsets.length * image.clusterBytes + image.l1Entries * 8 + image.clusterBytes
    assert.equal(source.requestedBytes, HEAD_BYTES + 512 + tables)
    // The L2 tables lie side by side: head, tail, refcount table, L1 table and all of them are a read each.
    assert.equal(source.reads, 5)
  })

  it('stops when it is told to', async () => {
    const image = craftImage()
    const reason = new Error('enough')
    const controller = new AbortController()
    const source = new MemoryAccess(image.bytes)
    const read = source.read.bind(source)
    source.read = async (offset, length) => {
      // From here on the source itself does not look at the signal.
      if (offset === image.l1Offset) controller.abort(reason)
      return read(offset, length)
    }
    const declared = { format: 'qcow2', sizeBytes: image.bytes.length } as const
    await assert.rejects(inspectImage(source, declared, limits, { signal: controller.signal }), reason)
  })

  it('answers any mutation of a header with acceptance or a code of the table', async () => {
    const mutation = fc.array(fc.tuple(fc.nat(160), fc.nat(255)), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(2, 3), mutation, fc.nat(65_536 * 4), async (version, changes, length) => {
        const image = buildQcow2({ version })
        for (const [offset, value] of changes) image[offset] = value
        await assertCoded(inspect(image, 'qcow2'))
        await assertCoded(inspect(image.subarray(0, length), 'qcow2'))
      }),
      { numRuns: 500 },
    )
  })

  it('agrees with qemu-img on what a real image is', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'shoal-inspect-'))
    t.after(() => rm(directory, { recursive: true }))
    const variants = [
      ['compat=0.10', 'cluster_size=65536'],
      ['compat=1.1', 'cluster_size=512'],
      ['compat=1.1', 'cluster_size=65536'],
      ['compat=1.1', 'cluster_size=2097152'],
      ['compat=1.1', 'compression_type=zstd'],
      ['compat=1.1', 'lazy_refcounts=on', 'refcount_bits=1'],
    ]
    for (const [index, options] of variants.entries()) {
      const path = join(directory, `${index}.qcow2`)
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', options.join(','), path, '64M'])
      await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 1M 300k', '-c', 'write -P 8 60M 64k', path])
      assert.deepEqual(await inspect(await readFile(path), 'qcow2'), {
        format: 'qcow2',
        virtualSizeBytes: 64 * 1024 ** 2,
      })
    }
    const overlay = join(directory, 'overlay.qcow2')
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', join(directory, '0.qcow2'), overlay])
    await assert.rejects(
      readFile(overlay).then((image) => inspect(image, 'qcow2')),
      { code: 'SHOAL_IMAGE_BACKING_FILE' },
    )
    const external = join(directory, 'external.qcow2')
    const dataFile = `data_file=${join(directory, 'data.raw')}`
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', dataFile, external, '1M'])
    await assert.rejects(
      readFile(external).then((image) => inspect(image, 'qcow2')),
      { code: 'SHOAL_IMAGE_DATA_FILE' },
    )
  })
})

describe('inspection of raw', () => {
  const raw = (magic: string, offset = 0) => {
    const image = Buffer.alloc(HEAD_BYTES * 2)
    image.write(magic, offset, 'latin1')
    return image
  }

  it('says which other format it found', async () => {
    const foreign: [string, Buffer][] = [
      ['qcow2', buildQcow2()],
      ['qed', raw('QED\0')],
      ['vmdk', raw('KDMV')],
      ['vhdx', raw('vhdxfile')],
      ['vhd', raw('conectix', HEAD_BYTES * 2 - 512)],
      ['vdi', raw('\x7f\x10\xda\xbe', 64)],
      ['luks', raw('LUKS\xba\xbe')],
    ]
    for (const [found, image] of foreign) {
      await assert.rejects(inspect(image, 'raw'), (error: ShoalError) => {
        assert.equal(error.code, 'SHOAL_IMAGE_FORMAT_MISMATCH')
        assert.deepEqual(error.details, { declared: 'raw', found })
        return true
      })
    }
  })

  it('refuses what is not whole sectors, and a disk above the limit', () => {
    const judged = (sizeBytes: number) => inspectHead(new Uint8Array(1024), { format: 'raw', sizeBytes }, limits)
    assert.throws(() => assertAccepted(judged(1000)), { code: 'SHOAL_IMAGE_SIZE_UNALIGNED' })
    const code = 'SHOAL_IMAGE_VIRTUAL_SIZE_TOO_LARGE'
    assert.throws(() => assertAccepted(judged(limits.maxVirtualBytes + 512)), { code })
    assert.equal(judged(limits.maxVirtualBytes + 512).virtualSizeBytes, null)
  })
})

async function assertCoded(inspection: Promise<unknown>): Promise<void> {
  await inspection.catch((error: unknown) => {
    assert.ok(error instanceof ShoalError, String(error))
    assert.ok(error.code in imageErrors, error.code)
  })
}
