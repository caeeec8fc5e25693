import { promisify } from 'node:util'
import { constants, deflateRaw, zstdCompress } from 'node:zlib'
import type { Compression } from './header.ts'

const deflate = promisify(deflateRaw)
const zstd = promisify(zstdCompress)

/** One cluster compressed as QEMU does it; `undefined` when that does not make it smaller. `level`: the library's own scale. */
export async function deflateCluster(
  cluster: Buffer,
  compression: Compression,
  level: number,
): Promise<Buffer | undefined> {
  // QEMU reads zlib with a window of 2^12 bytes.
  const data = await (compression === 'zlib'
    ? deflate(cluster, { windowBits: 12, memLevel: 9, level })
    : // Told the size, the library takes tables that fit it: half the CPU, and smaller results.
      zstd(cluster, { params: { [constants.ZSTD_c_compressionLevel]: level }, pledgedSrcSize: cluster.length }))
  return data.length < cluster.length ? data : undefined
}
