import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ByteRange } from '../../src/free-space/byte-range.ts'
import { debugfs, dumpFree, makeFileSystem } from './e2fsprogs.ts'

/** A small file system in memory, with what is free by dumpe2fs. */
export interface SmallDisk {
  readonly bytes: Buffer
  readonly ranges: readonly ByteRange[]
}

const SIZE_BYTES = 4 * 1024 * 1024
const KINDS = {
  /** Nothing has a checksum, so that what is changed is not found by one. */
  unchecked: { type: 'ext2', options: ['-b', '1024', '-g', '1024', '-I', '128', '-O', 'none,sparse_super,filetype'] },
  flexible: { type: 'ext4', options: ['-b', '1024', '-g', '1024', '-O', 'none,extent,flex_bg,64bit'] },
  checked: {
    type: 'ext4',
    options: ['-b', '1024', '-g', '1024', '-O', '^has_journal,metadata_csum,^metadata_csum_seed,64bit,flex_bg'],
  },
} as const

export type Kind = keyof typeof KINDS

/** Makes a file system of 4 MiB with 4 groups; the commands of debugfs are run on it at last. */
export async function smallDisk(kind: Kind, commands: readonly string[] = []): Promise<SmallDisk> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-free-space-'))
  try {
    const file = join(directory, 'disk')
    await makeFileSystem(file, { ...KINDS[kind], sizeBytes: SIZE_BYTES })
    await debugfs(file, ['mkdir /one', 'mkdir /two', 'rmdir /one', ...commands])
    const { ranges } = await dumpFree(file)
    return { bytes: await readFile(file), ranges }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
