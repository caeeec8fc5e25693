import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { ShoalError } from '@shoal/core'
import fc from 'fast-check'
import { seedErrors } from '../../src/errors.ts'
import { checkDeclaration, HEAD_BYTES, inspectFile, inspectHead } from '../../src/inspect/inspect-image.ts'
import { buildQcow2, type Qcow2Fields } from './qcow2-builder.ts'

const limits = { maxImageBytes: 1024 ** 4, maxVirtualBytes: 2 * 1024 ** 4 }
const run = promisify(execFile)

const inspect = (image: Uint8Array, format: 'raw' | 'qcow2') =>
  inspectFile(
    async (offset, length) => image.subarray(offset, offset + length),
    { format, sizeBytes: image.length },
    limits,
  )

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

describe('inspection of qcow2', () => {
  it('accepts versions 2 and 3, a short v3 header, zstd and an unknown extension', async () => {
    const unknown = { type: 0x12345678, data: Buffer.from('whatever') }
    const accepted: Qcow2Fields[] = [
      {},
      { version: 2 },
      { headerLength: 104 },
      { incompatible: 8n, compressionType: 1 },
      { extensions: [unknown] },
      { sizeBytes: 65_536 * 3 + 16 },
    ]
    for (const fields of accepted) {
      assert.deepEqual(await inspect(buildQcow2(fields), 'qcow2'), { format: 'qcow2', virtualSizeBytes: 1024 ** 3 })
    }
  })

  const name = Buffer.from('/etc/passwd')
  const refusals: [string, string, Qcow2Fields][] = [
    ['SHOAL_IMAGE_FORMAT_MISMATCH', 'another magic', { magic: 'QFI\xfa' }],
    ['SHOAL_IMAGE_QCOW2_VERSION', 'version 1', { version: 1 }],
    ['SHOAL_IMAGE_QCOW2_VERSION', 'version 4', { version: 4 }],
    ['SHOAL_IMAGE_QCOW2_CLUSTER_BITS', 'cluster bits 8', { clusterBits: 8 }],
    ['SHOAL_IMAGE_QCOW2_CLUSTER_BITS', 'cluster bits 22', { clusterBits: 22 }],
    ['SHOAL_IMAGE_QCOW2_HEADER_LENGTH', 'a header shorter than its fields', { headerLength: 96 }],
    ['SHOAL_IMAGE_QCOW2_HEADER_LENGTH', 'a header of unaligned length', { headerLength: 105 }],
    ['SHOAL_IMAGE_QCOW2_HEADER_LENGTH', 'a huge header', { headerLength: 0xffffffff }],
    ['SHOAL_IMAGE_BACKING_FILE', 'a backing file', { backingOffset: 512n, backingLength: 11 }],
    ['SHOAL_IMAGE_BACKING_FILE', 'a backing file name of no length', { backingOffset: 512n }],
    ['SHOAL_IMAGE_DATA_FILE', 'the data file bit', { incompatible: 4n }],
    ['SHOAL_IMAGE_DATA_FILE', 'the raw data file bit', { autoclear: 2n }],
    [
      'SHOAL_IMAGE_DATA_FILE',
      'a data file name with the bit clear',
      { extensions: [{ type: 0x44415441, data: name }] },
    ],
    [
      'SHOAL_IMAGE_DATA_FILE',
      'a data file name in version 2',
      { version: 2, extensions: [{ type: 0x44415441, data: name }] },
    ],
    ['SHOAL_IMAGE_QCOW2_FEATURES', 'an unknown incompatible bit', { incompatible: 1n << 40n }],
    ['SHOAL_IMAGE_QCOW2_DIRTY', 'the dirty bit', { incompatible: 1n }],
    ['SHOAL_IMAGE_QCOW2_CORRUPT', 'the corrupt bit', { incompatible: 2n }],
    ['SHOAL_IMAGE_EXTENDED_L2', 'extended L2 entries', { incompatible: 16n }],
    ['SHOAL_IMAGE_QCOW2_COMPRESSION', 'a compression type without its bit', { compressionType: 1 }],
    ['SHOAL_IMAGE_QCOW2_COMPRESSION', 'an unknown compression type', { incompatible: 8n, compressionType: 2 }],
    ['SHOAL_IMAGE_QCOW2_REFCOUNT_ORDER', 'refcount order 7', { refcountOrder: 7 }],
    ['SHOAL_IMAGE_ENCRYPTED', 'AES encryption', { encryption: 1 }],
    [
      'SHOAL_IMAGE_ENCRYPTED',
      'a LUKS header extension',
      { extensions: [{ type: 0x0537be77, data: Buffer.alloc(16) }] },
    ],
    ['SHOAL_IMAGE_SNAPSHOTS', 'internal snapshots', { snapshots: 1 }],
    ['SHOAL_IMAGE_BITMAPS', 'bitmaps', { extensions: [{ type: 0x23852875, data: Buffer.alloc(24) }] }],
    [
      'SHOAL_IMAGE_QCOW2_EXTENSION',
      'an extension that ends outside',
      { extensions: [{ type: 7, data: name, length: 70_000 }] },
    ],
    ['SHOAL_IMAGE_QCOW2_EXTENSION', 'extensions without end', { endMarker: false }],
    ['SHOAL_IMAGE_VIRTUAL_SIZE', 'virtual size 0', { virtualSize: 0n }],
    ['SHOAL_IMAGE_VIRTUAL_SIZE', 'an unaligned virtual size', { virtualSize: 1000n }],
    ['SHOAL_IMAGE_VIRTUAL_SIZE_TOO_LARGE', 'a bomb', { virtualSize: 1n << 62n }],
    ['SHOAL_IMAGE_QCOW2_L1_TABLE', 'an L1 table that is too small', { l1Entries: 1 }],
    ['SHOAL_IMAGE_QCOW2_L1_TABLE', 'an L1 table that is too large', { l1Entries: 0x40000000 }],
    ['SHOAL_IMAGE_QCOW2_L1_TABLE', 'an L1 table outside the file', { l1Offset: 65_536n * 4n }],
    ['SHOAL_IMAGE_QCOW2_L1_TABLE', 'an L1 table far outside', { l1Offset: (1n << 63n) + 65_536n }],
    ['SHOAL_IMAGE_QCOW2_L1_TABLE', 'an L1 table in the header', { l1Offset: 0n }],
    ['SHOAL_IMAGE_QCOW2_L1_TABLE', 'an unaligned L1 table', { l1Offset: 65_536n + 8n }],
    ['SHOAL_IMAGE_QCOW2_REFCOUNT_TABLE', 'no refcount table', { refcountClusters: 0 }],
    ['SHOAL_IMAGE_QCOW2_REFCOUNT_TABLE', 'a huge refcount table', { refcountClusters: 0xffffffff }],
    ['SHOAL_IMAGE_QCOW2_REFCOUNT_TABLE', 'a refcount table in the header', { refcountOffset: 0n }],
    ['SHOAL_IMAGE_QCOW2_REFCOUNT_TABLE', 'a refcount table outside', { refcountOffset: 65_536n * 4n }],
    ['SHOAL_IMAGE_QCOW2_REFCOUNT_TABLE', 'tables that overlap', { refcountOffset: 65_536n * 3n }],
    ['SHOAL_IMAGE_TRUNCATED', 'a file shorter than a cluster', { sizeBytes: 4096 }],
    ['SHOAL_IMAGE_TRUNCATED', 'a file shorter than a header', { sizeBytes: 64 }],
  ]
  for (const [code, what, fields] of refusals) {
    it(`refuses ${what} with ${code}`, async () => {
      await assert.rejects(inspect(buildQcow2(fields), 'qcow2'), { code })
    })
  }

  it('refuses table entries that point outside the file', async () => {
    const l1 = buildQcow2()
    l1.writeBigUInt64BE((1n << 63n) | (65_536n * 4n), 65_536 * 3)
    await assert.rejects(inspect(l1, 'qcow2'), { code: 'SHOAL_IMAGE_QCOW2_L1_TABLE' })
    const refcount = buildQcow2()
    refcount.writeBigUInt64BE(65_536n * 2n + 512n, 65_536)
    await assert.rejects(inspect(refcount, 'qcow2'), { code: 'SHOAL_IMAGE_QCOW2_REFCOUNT_TABLE' })
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
  const raw = (magic: string | Uint8Array, offset = 0) => {
    const image = Buffer.alloc(HEAD_BYTES * 2)
    image.set(typeof magic === 'string' ? Buffer.from(magic, 'latin1') : magic, offset)
    return image
  }

  it('accepts zeros, a GPT and an ISO 9660 file system', async () => {
    for (const image of [raw(''), raw('EFI PART', 512), raw('CD001', 32_769)]) {
      assert.deepEqual(await inspect(image, 'raw'), { format: 'raw', virtualSizeBytes: image.length })
    }
  })

  const foreign: [string, Buffer][] = [
    ['qcow2', buildQcow2()],
    ['qed', raw('QED\0')],
    ['vmdk', raw('KDMV')],
    ['vmdk', raw('# Disk DescriptorFile\nversion=1\n')],
    ['vmdk', raw('# a comment\n\nversion=1\ncreateType="monolithicFlat"\n')],
    ['vhdx', raw('vhdxfile')],
    ['vhd', raw('conectix')],
    ['vhd', raw('conectix', HEAD_BYTES * 2 - 512)],
    ['vdi', raw(Buffer.from([0x7f, 0x10, 0xda, 0xbe]), 64)],
    ['luks', raw('LUKS\xba\xbe')],
  ]
  for (const [found, image] of foreign) {
    it(`refuses ${found} in disguise`, async () => {
      await assert.rejects(inspect(image, 'raw'), (error: ShoalError) => {
        assert.equal(error.code, 'SHOAL_IMAGE_FORMAT_MISMATCH')
        assert.equal(error.details.found, found)
        return true
      })
    })
  }

  it('refuses what is not whole sectors, and a disk above the limit', () => {
    const head = new Uint8Array(1024)
    const code = 'SHOAL_IMAGE_SIZE_UNALIGNED'
    assert.throws(() => inspectHead(head, { format: 'raw', sizeBytes: 1000 }, limits), { code })
    const sizeBytes = limits.maxVirtualBytes + 512
    assert.throws(() => inspectHead(head, { format: 'raw', sizeBytes }, limits), {
      code: 'SHOAL_IMAGE_VIRTUAL_SIZE_TOO_LARGE',
    })
  })
})

async function assertCoded(inspection: Promise<unknown>): Promise<void> {
  await inspection.catch((error: unknown) => {
    assert.ok(error instanceof ShoalError, String(error))
    assert.ok(error.code in seedErrors, error.code)
  })
}
