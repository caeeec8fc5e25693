import { seedError } from '../errors.ts'
import type { Qcow2Header } from './qcow2-header.ts'
import type { ReadAt } from './read-at.ts'

const READ_BYTES = 1024 * 1024
/** Bits 9 to 55 of an L1 entry hold the offset; bit 63 says that the refcount is one; the others are reserved. */
const L1_OFFSET = 0x00ff_ffff_ffff_fe00n
const L1_COPIED = 1n << 63n

/**
 * Checks that every entry of the L1 table and the refcount table points at a whole cluster inside the file and not
 * at the header. Throws `SHOAL_IMAGE_QCOW2_L1_TABLE` or `SHOAL_IMAGE_QCOW2_REFCOUNT_TABLE`.
 */
export async function checkQcow2Tables(readAt: ReadAt, header: Qcow2Header, sizeBytes: number): Promise<void> {
  const cluster = BigInt(header.clusterBytes)
  const size = BigInt(sizeBytes)
  const isCluster = (offset: bigint) => offset === 0n || (offset % cluster === 0n && offset + cluster <= size)

  await eachEntry(readAt, header.l1Offset, header.l1Entries * 8, (entry, index) => {
    const isClean = (entry & ~(L1_OFFSET | L1_COPIED)) === 0n
    if (isClean && isCluster(entry & L1_OFFSET)) return
    throw seedError('SHOAL_IMAGE_QCOW2_L1_TABLE', { reason: `entry ${index} is not a cluster of the file` })
  })
  await eachEntry(readAt, header.refcountTableOffset, header.refcountTableBytes, (entry, index) => {
    if (isCluster(entry)) return
    throw seedError('SHOAL_IMAGE_QCOW2_REFCOUNT_TABLE', { reason: `entry ${index} is not a cluster of the file` })
  })
}

async function eachEntry(
  readAt: ReadAt,
  offset: number,
  lengthBytes: number,
  check: (entry: bigint, index: number) => void,
): Promise<void> {
  for (let done = 0; done < lengthBytes; done += READ_BYTES) {
    const part = await readAt(offset + done, Math.min(READ_BYTES, lengthBytes - done))
    const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength)
    for (let at = 0; at + 8 <= bytes.length; at += 8) check(bytes.readBigUInt64BE(at), (done + at) / 8)
  }
}
