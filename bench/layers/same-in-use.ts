import { open } from 'node:fs/promises'
import { usedRanges } from '../../infra/guests/free-ranges.ts'

const CHUNK_BYTES = 4 * 1024 ** 2

/**
 * The first byte at which a raw disk differs from what it should be, or `undefined` when it does not. Free blocks of the file system of
 * `expected` are not looked at: a layer need not keep what was deleted.
 */
export async function firstDifference(disk: string, expected: string): Promise<number | undefined> {
  await using one = await open(disk)
  await using other = await open(expected)
  const { size } = await other.stat()
  if ((await one.stat()).size !== size) return Math.min((await one.stat()).size, size)
  const [left, right] = [Buffer.alloc(CHUNK_BYTES), Buffer.alloc(CHUNK_BYTES)]
  for (const { start, end } of await usedRanges(expected)) {
    for (let at = start; at < end; at += CHUNK_BYTES) {
      const length = Math.min(CHUNK_BYTES, end - at)
      await Promise.all([one.read(left, 0, length, at), other.read(right, 0, length, at)])
      if (left.compare(right, 0, length, 0, length) === 0) continue
      return at + left.findIndex((byte, index) => byte !== right[index])
    }
  }
  return undefined
}
