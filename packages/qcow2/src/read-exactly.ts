import { qcow2Error } from './errors.ts'
import type { RandomAccess } from './random-access.ts'

/** Reads all of a range. Throws `SHOAL_QCOW2_TRUNCATED` when the bytes end before. */
export async function readExactly(
  source: RandomAccess,
  offset: number,
  length: number,
  options?: { signal?: AbortSignal | undefined; into?: Buffer | undefined },
): Promise<Buffer> {
  const bytes = await source.read(offset, length, options)
  if (bytes.length === length) return bytes
  throw qcow2Error('SHOAL_QCOW2_TRUNCATED', { sizeBytes: source.sizeBytes, neededBytes: offset + length })
}
