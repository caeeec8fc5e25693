import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import { PARTITION_OFFSET_BYTES } from './guest-set.ts'

const run = promisify(execFile)
const MAX_OUTPUT_BYTES = 64 * 1024 ** 2

/** Bytes of a disk, `end` not among them. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** What the file system of a raw guest disk does not use, in order, as bytes of the disk: whatever is there, nobody reads it. */
export async function freeRanges(disk: string): Promise<ByteRange[]> {
  const env = { ...process.env, LC_ALL: 'C', PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` }
  const file = `${disk}?offset=${PARTITION_OFFSET_BYTES}`
  const { stdout } = await run('dumpe2fs', [file], { env, maxBuffer: MAX_OUTPUT_BYTES })
  const blockBytes = Number(/^Block size:\s+(\d+)$/m.exec(stdout)?.[1])
  if (!Number.isInteger(blockBytes)) throw new Error(`dumpe2fs says no block size of ${disk}`)
  const ranges: ByteRange[] = []
  for (const [, list = ''] of stdout.matchAll(/^ {2}Free blocks: (.*)$/gm)) {
    for (const item of list.split(', ').filter((text) => text !== '')) {
      const [first = Number.NaN, last = first] = item.split('-').map(Number)
      const start = PARTITION_OFFSET_BYTES + first * blockBytes
      ranges.push({ start, end: PARTITION_OFFSET_BYTES + (last + 1) * blockBytes })
    }
  }
  return ranges.sort((one, other) => one.start - other.start)
}

/** All the rest of the disk, the partition table among it. */
export async function usedRanges(disk: string): Promise<ByteRange[]> {
  const { size } = await stat(disk)
  const used: ByteRange[] = []
  let start = 0
  for (const free of [...(await freeRanges(disk)), { start: size, end: size }]) {
    if (free.start > start) used.push({ start, end: free.start })
    start = Math.max(start, free.end)
  }
  return used
}
