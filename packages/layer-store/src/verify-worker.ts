// Worker thread of verify-file.ts: reads and hashes synchronously, so that the service's event loop stays free.
import { createHash, hash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import type { VerifyJob, VerifyMessage } from './verify-file.ts'

const PROGRESS_BYTES = 16 * 1024 ** 2
/** They say nothing of the file: another time it can be opened. */
const SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOMEM'])

const job = workerData as VerifyJob
const send = (message: VerifyMessage) => parentPort?.postMessage(message)

const fd = openOwnFile()
if (fd === undefined) {
  send({ type: 'result', badBlocks: [], sha256: null, isGone: true })
} else {
  verifyBlocks(fd)
  closeSync(fd)
}

/** The layer's file; undefined if something else or nothing is at its path. */
function openOwnFile(): number | undefined {
  try {
    const opened = openSync(job.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    if (String(fstatSync(opened, { bigint: true }).ino) === job.inode) return opened
    closeSync(opened)
  } catch (error) {
    if (error instanceof Error && 'code' in error && SHORTAGES.has(String(error.code))) throw error
    // Unreadable is as good as gone: no block of it can be served.
  }
  return undefined
}

function verifyBlocks(file: number): void {
  const { sizeBytes, blockLengthBytes, present, firstBlock, hashes } = job
  const buffer = Buffer.allocUnsafe(blockLengthBytes)
  const whole = job.isWhole ? createHash('sha256') : undefined
  const badBlocks: number[] = []
  let checkedBytes = 0
  let reportedBytes = 0
  const end = firstBlock + hashes.length / 32
  for (let block = firstBlock; block < end; block += 1) {
    if (((present[block >> 3] ?? 0) & (0x80 >> (block & 7))) === 0) continue
    const data = buffer.subarray(0, Math.min(blockLengthBytes, sizeBytes - block * blockLengthBytes))
    const hashAt = (block - firstBlock) * 32
    const expected = hashes.subarray(hashAt, hashAt + 32)
    const isGood = readFully(file, data, block * blockLengthBytes) && sha256(data).equals(expected)
    if (!isGood) badBlocks.push(block)
    whole?.update(data)
    checkedBytes += data.length
    if (checkedBytes - reportedBytes < PROGRESS_BYTES) continue
    reportedBytes = checkedBytes
    send({ type: 'progress', checkedBytes })
  }
  send({ type: 'progress', checkedBytes })
  const sha256OfWhole = badBlocks.length > 0 ? null : (whole?.digest('hex') ?? null)
  send({ type: 'result', badBlocks, sha256: sha256OfWhole, isGone: false })
}

function sha256(data: Buffer): Buffer {
  return hash('sha256', data, 'buffer')
}

/** False where the file ends early or the disk cannot read it: that block is lost either way. */
function readFully(file: number, data: Buffer, position: number): boolean {
  try {
    for (let at = 0; at < data.length; ) {
      const read = readSync(file, data, at, data.length - at, position + at)
      if (read === 0) return false
      at += read
    }
    return true
  } catch {
    return false
  }
}
