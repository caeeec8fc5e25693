import { hash as hashNow, webcrypto } from 'node:crypto'
import { blockCount, blockHash, blockSize, type Manifest } from '@shoal/core'
import { storeError } from './errors.ts'

/** Each digest job holds a copy of its block, so only so many are made at a time. */
const HASHES_AT_ONCE = 16

/** A run of whole blocks: `data` begins with block `first` and ends with block `end - 1`. */
export interface BlockRun {
  readonly first: number
  readonly end: number
  readonly data: Uint8Array
}

/** The run that `data` is when it begins at `firstBlock`. Throws a RangeError if that is not a run of whole blocks. */
export function blockRun(manifest: Manifest, firstBlock: number, data: Uint8Array): BlockRun {
  const blocks = blockCount(manifest)
  const end = firstBlock + Math.ceil(data.length / manifest.blockLengthBytes)
  if (Number.isInteger(firstBlock) && firstBlock >= 0 && data.length > 0 && end <= blocks) {
    const wholeBytes = (end - 1 - firstBlock) * manifest.blockLengthBytes + blockSize(manifest, end - 1)
    if (wholeBytes === data.length) return { first: firstBlock, end, data }
  }
  throw new RangeError(`${data.length} bytes at block ${firstBlock} of ${blocks}`)
}

/** The parts of a run whose blocks are not wanted by `skip`, as maximal runs. */
export function splitRun(manifest: Manifest, run: BlockRun, skip: (block: number) => boolean): BlockRun[] {
  const runs: BlockRun[] = []
  for (let block = run.first; block < run.end; block += 1) {
    if (skip(block)) continue
    const first = block
    while (block + 1 < run.end && !skip(block + 1)) block += 1
    const start = (first - run.first) * manifest.blockLengthBytes
    const length = (block - first) * manifest.blockLengthBytes + blockSize(manifest, block)
    runs.push({ first, end: block + 1, data: run.data.subarray(start, start + length) })
  }
  return runs
}

/**
 * Checks the SHA-256 of each block in libuv's thread pool. Throws `SHOAL_STORE_BLOCK_MISMATCH` for the first that is wrong.
 */
export async function checkBlocks(manifest: Manifest, runs: readonly BlockRun[]): Promise<void> {
  let pending: Promise<void>[] = []
  for (const run of runs) {
    for (let block = run.first; block < run.end; block += 1) {
      const start = (block - run.first) * manifest.blockLengthBytes
      pending.push(checkBlock(manifest, block, run.data.subarray(start, start + blockSize(manifest, block))))
      if (pending.length < HASHES_AT_ONCE) continue
      await Promise.all(pending)
      pending = []
    }
  }
  await Promise.all(pending)
}

async function checkBlock(manifest: Manifest, block: number, data: Uint8Array): Promise<void> {
  // Web Crypto takes no shared memory.
  const hash =
    data.buffer instanceof SharedArrayBuffer
      ? hashNow('sha256', data, 'buffer')
      : await webcrypto.subtle.digest('SHA-256', data as Uint8Array<ArrayBuffer>)
  if (Buffer.compare(new Uint8Array(hash), blockHash(manifest, block)) === 0) return
  throw storeError('SHOAL_STORE_BLOCK_MISMATCH', { digest: manifest.digest, block })
}
