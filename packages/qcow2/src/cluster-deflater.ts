import { promisify } from 'node:util'
import { constants, createZstdCompress, deflateRaw } from 'node:zlib'
import { FrameStream } from './frame-stream.ts'
import type { Compression } from './header.ts'

const deflateOnce = promisify(deflateRaw)
/** zstd adds at most 1/256 of its input and some headers to what it cannot compress (`ZSTD_COMPRESSBOUND`). */
const MAX_GROWTH = 1 / 64
const MAX_FRAME_OVERHEAD_BYTES = 1024

/** Compresses one cluster after the other as QEMU does it, each by itself. */
export class ClusterDeflater {
  /** What is compressed next: the caller fills it, and leaves it alone while that is done. */
  readonly cluster: Buffer
  readonly #compress: (cluster: Buffer) => Promise<Buffer>

  /** `level`: the library's own scale. */
  constructor(clusterBytes: number, compression: Compression, level: number) {
    this.cluster = Buffer.alloc(clusterBytes)
    this.#compress = compression === 'zlib' ? zlibCompressor(level) : zstdCompressor(clusterBytes, level)
  }

  /** {@link cluster} compressed; `undefined` when that does not make it smaller. One at a time. */
  async deflate(): Promise<Buffer | undefined> {
    const packed = await this.#compress(this.cluster)
    return packed.length < this.cluster.length ? packed : undefined
  }
}

function zlibCompressor(level: number) {
  // QEMU reads zlib with a window of 2^12 bytes.
  return (cluster: Buffer) => deflateOnce(cluster, { windowBits: 12, memLevel: 9, level })
}

function zstdCompressor(clusterBytes: number, level: number) {
  const chunkSize = Math.ceil(clusterBytes * (1 + MAX_GROWTH)) + MAX_FRAME_OVERHEAD_BYTES
  const params = { [constants.ZSTD_c_compressionLevel]: level }
  // Each write is a whole frame: so the library knows its size, and takes tables that fit it.
  const stream = new FrameStream(createZstdCompress({ params, flush: constants.ZSTD_e_end, chunkSize }), chunkSize)
  return (cluster: Buffer) => stream.run(cluster)
}
