// Worker thread of block-thread.ts: hashes and writes synchronously, so that a block costs one hand-over each way.
import { hash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { BLOCK_MISMATCH, BLOCK_WRITTEN, type BlockJob, BlockJobRing } from './block-job-ring.ts'
import type { BlockWorkerData } from './block-thread.ts'

const { buffers, jobs } = workerData as BlockWorkerData
const ring = new BlockJobRing(jobs)

// The thread sleeps inside next(), which ending the thread interrupts.
for (;;) {
  if (ring.finish(run(ring.next()))) parentPort?.postMessage(null)
}

function run({ fd, byteOffset, length, position, hash: expected }: BlockJob): number {
  const data = Buffer.from(buffers, byteOffset, length)
  if (!hash('sha256', data, 'buffer').equals(expected)) return BLOCK_MISMATCH
  try {
    for (let at = 0; at < length; ) at += writeSync(fd, data, at, length - at, position + at)
    return BLOCK_WRITTEN
  } catch (error) {
    if (error instanceof Error && 'errno' in error && typeof error.errno === 'number') return error.errno
    throw error
  }
}
