import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Chain } from '../../src/chain.ts'
import { findFreeSpace } from '../../src/free-space/free-space.ts'
import { RawImage } from '../../src/raw-image.ts'
import { openFile } from '../file-access.ts'
import { collect } from './collect.ts'
import { debugfs, dumpFree, e2fs, makeFileSystem, plantTree, type Recipe } from './e2fsprogs.ts'

const MIB = 1024 * 1024

const features = (list: string) => ['-O', list]
const small = ['-b', '1024']

const RECIPES: Readonly<Record<string, Recipe & { readonly resizeTo?: string }>> = {
  'ext2, 1 KiB': { type: 'ext2', sizeBytes: 40 * MIB, options: small },
  'ext2, 2 KiB': { type: 'ext2', sizeBytes: 70 * MIB, options: ['-b', '2048'] },
  'ext2, 4 KiB, small groups': { type: 'ext2', sizeBytes: 40 * MIB, options: ['-b', '4096', '-g', '1024'] },
  'ext2, first revision': { type: 'ext2', sizeBytes: 40 * MIB, options: [...small, '-r', '0', '-O', 'none'] },
  'ext2, all copies': {
    type: 'ext2',
    sizeBytes: 90 * MIB,
    options: [...small, ...features('^sparse_super,^resize_inode')],
  },
  'ext3, 1 KiB': { type: 'ext3', sizeBytes: 90 * MIB, options: small },
  'ext3, 4 KiB': { type: 'ext3', sizeBytes: 300 * MIB, options: ['-b', '4096'] },
  'ext4, 4 KiB': { type: 'ext4', sizeBytes: 700 * MIB, options: ['-b', '4096'] },
  'ext4, 1 KiB': { type: 'ext4', sizeBytes: 250 * MIB, options: small },
  'ext4, 64 KiB': { type: 'ext4', sizeBytes: 120 * MIB, options: ['-b', '65536'] },
  'ext4, ^64bit': { type: 'ext4', sizeBytes: 90 * MIB, options: [...small, ...features('^64bit')] },
  'ext4, ^metadata_csum': { type: 'ext4', sizeBytes: 90 * MIB, options: [...small, ...features('^metadata_csum')] },
  'ext4, uninit_bg': {
    type: 'ext4',
    sizeBytes: 300 * MIB,
    options: [...small, ...features('^metadata_csum,uninit_bg')],
  },
  'ext4, uninit_bg, ^64bit': {
    type: 'ext4',
    sizeBytes: 300 * MIB,
    options: [...small, ...features('^metadata_csum,uninit_bg,^64bit')],
  },
  'ext4, no checksums': {
    type: 'ext4',
    sizeBytes: 90 * MIB,
    options: [...small, ...features('^metadata_csum,^uninit_bg')],
  },
  'ext4, ^flex_bg': { type: 'ext4', sizeBytes: 300 * MIB, options: [...small, ...features('^flex_bg')] },
  'ext4, flexible groups of 4': { type: 'ext4', sizeBytes: 300 * MIB, options: [...small, '-G', '4'] },
  'ext4, one flexible group of many': {
    type: 'ext4',
    sizeBytes: 500 * MIB,
    options: [...small, '-G', '64', '-i', '2048'],
  },
  'ext4, metadata packed': { type: 'ext4', sizeBytes: 300 * MIB, options: [...small, '-E', 'packed_meta_blocks=1'] },
  'ext4, bigalloc, 1 KiB': {
    type: 'ext4',
    sizeBytes: 400 * MIB,
    options: [...small, ...features('bigalloc'), '-C', '16384'],
  },
  'ext4, bigalloc, 1 KiB, meta_bg': {
    type: 'ext4',
    sizeBytes: 400 * MIB,
    options: [...small, ...features('bigalloc,meta_bg,^resize_inode'), '-C', '2048'],
  },
  'ext4, bigalloc, 4 KiB': {
    type: 'ext4',
    sizeBytes: 301 * MIB + 12 * 1024,
    options: ['-b', '4096', ...features('bigalloc'), '-C', '65536', '-g', '16384'],
  },
  'ext4, meta_bg': {
    type: 'ext4',
    sizeBytes: 500 * MIB,
    options: [...small, ...features('meta_bg,^resize_inode')],
  },
  'ext4, meta_bg, ^flex_bg': {
    type: 'ext4',
    sizeBytes: 500 * MIB,
    options: [...small, ...features('meta_bg,^resize_inode,^flex_bg')],
  },
  'ext4, sparse_super2': { type: 'ext4', sizeBytes: 300 * MIB, options: [...small, ...features('sparse_super2')] },
  'ext4, one backup': {
    type: 'ext4',
    sizeBytes: 300 * MIB,
    options: [...small, ...features('sparse_super2'), '-E', 'num_backup_sb=1'],
  },
  'ext4, without a journal': { type: 'ext4', sizeBytes: 90 * MIB, options: [...small, ...features('^has_journal')] },
  'ext4, rare features': {
    type: 'ext4',
    sizeBytes: 300 * MIB,
    options: [
      ...small,
      ...features(
        'metadata_csum_seed,inline_data,ea_inode,large_dir,quota,project,encrypt,casefold,verity,orphan_file',
      ),
    ],
  },
  // The tools wait for others who may have it open.
  'ext4, mmp': {
    type: 'ext4',
    sizeBytes: 90 * MIB,
    options: [...small, ...features('mmp'), '-E', 'mmp_update_interval=1'],
  },
  'ext4, stride': {
    type: 'ext4',
    sizeBytes: 300 * MIB,
    options: [...small, ...features('^flex_bg'), '-E', 'stride=32'],
  },
  'ext4, grown': { type: 'ext4', sizeBytes: 60 * MIB, options: small, resizeTo: '420M' },
  'ext4, grown beyond its reserve': {
    type: 'ext4',
    sizeBytes: 60 * MIB,
    options: [...small, '-E', 'resize=70000'],
    resizeTo: '700M',
  },
  'ext4, grown by meta groups': {
    type: 'ext4',
    sizeBytes: 60 * MIB,
    options: [...small, ...features('meta_bg,^resize_inode')],
    resizeTo: '420M',
  },
  'ext4, shrunk': { type: 'ext4', sizeBytes: 300 * MIB, options: small, resizeTo: '60M' },
}

test('what is free of a file system is what e2fsprogs says is free', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-free-space-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const tree = join(directory, 'tree')
  await mkdir(tree)
  const paths = await plantTree(tree)
  for (const [name, { resizeTo, ...recipe }] of Object.entries(RECIPES)) {
    await t.test(name, async () => {
      const file = join(directory, 'disk')
      await makeFileSystem(file, { ...recipe, tree })
      await debugfs(
        file,
        paths.filter((_, index) => index % 3 === 1).map((path) => `rm /${path}`),
      )
      if (resizeTo !== undefined) await e2fs('resize2fs', ['-f', file, resizeTo])
      const expected = await dumpFree(file)
      assert.ok(expected.ranges.length > 1)
      const source = await openFile(file)
      const space = await findFreeSpace(new Chain([new RawImage(source)]))
      const ranges = await collect(space.ranges())
      assert.deepEqual(space.partitions, [
        { start: 0, length: source.sizeBytes, fileSystem: recipe.type, freeBytes: expected.freeBytes, reason: null },
      ])
      assert.deepEqual(ranges, expected.ranges)
      const free = new Set(ranges.flatMap(({ start, length }) => blocksOf(start, length, expected.blockBytes)))
      const living = paths.filter((_, index) => index % 3 !== 1).map((path) => `blocks /${path}`)
      const used = (await debugfs(file, living, [])).flatMap((line) => line.trim().split(/\s+/).map(Number))
      assert.ok(used.length > 20, 'living files have blocks')
      assert.deepEqual(
        used.filter((block) => free.has(block)),
        [],
      )
      const long = ranges.filter(({ length }) => length >= 64 * 1024)
      assert.deepEqual(await collect(space.ranges({ minLengthBytes: 64 * 1024 })), long)
      await source.close()
    })
  }
})

function blocksOf(start: number, length: number, blockBytes: number): number[] {
  return Array.from({ length: length / blockBytes }, (_, index) => start / blockBytes + index)
}
