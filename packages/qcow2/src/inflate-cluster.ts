import { promisify } from 'node:util'
import { constants, inflateRaw, zstdDecompress } from 'node:zlib'
import type { Compression } from './header.ts'
import { zstdFrameLength } from './zstd-frame.ts'

const inflate = promisify(inflateRaw)
const unzstd = promisify(zstdDecompress)
/** QEMU writes zlib with a window of 2^12 bytes. */
const ZLIB_WINDOW_BITS = 12
/** A frame may ask for more memory than its cluster has bytes; QEMU's never ask for more than 2^21. */
const MAX_ZSTD_WINDOW_BITS = 23

/**
 * The bytes of one compressed cluster. `data` may reach beyond its end: whole sectors are counted. Never gives more than `clusterBytes`,
 * whatever the data claims; rejects with the library's error when they are no compressed cluster or a shorter one.
 */
export async function inflateCluster(data: Buffer, compression: Compression, clusterBytes: number): Promise<Buffer> {
  const cluster = compression === 'zlib' ? await inflateZlib(data, clusterBytes) : await inflateZstd(data, clusterBytes)
  if (cluster.length !== clusterBytes) throw new Error(`${cluster.length} bytes instead of ${clusterBytes}`)
  return cluster
}

function inflateZlib(data: Buffer, maxOutputLength: number): Promise<Buffer> {
  return inflate(data, { windowBits: ZLIB_WINDOW_BITS, maxOutputLength, chunkSize: maxOutputLength })
}

function inflateZstd(data: Buffer, maxOutputLength: number): Promise<Buffer> {
  const length = zstdFrameLength(data)
  if (length === undefined) throw new Error('no whole zstd frame')
  const params = { [constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW_BITS }
  return unzstd(data.subarray(0, length), { params, maxOutputLength, chunkSize: maxOutputLength })
}
