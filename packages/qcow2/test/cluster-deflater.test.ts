import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { inflateRawSync, zstdDecompressSync } from 'node:zlib'
import { ClusterDeflater } from '../src/cluster-deflater.ts'
import { zstdFrameLength } from '../src/zstd-frame.ts'

const CLUSTER_BYTES = 65536

for (const compression of ['zlib', 'zstd'] as const) {
  test(`${compression}: one cluster after the other, each by itself`, async () => {
    const deflater = new ClusterDeflater(CLUSTER_BYTES, compression, 3)
    for (const pattern of ['a', 'shoal', 'a']) {
      deflater.cluster.fill(pattern)
      const packed = await deflater.deflate()
      assert.ok(packed !== undefined && packed.length < 1000)
      const inflated = compression === 'zlib' ? inflateRawSync(packed) : zstdDecompressSync(packed)
      assert.ok(inflated.equals(deflater.cluster))
      if (compression === 'zstd') assert.equal(zstdFrameLength(packed), packed.length)
    }
  })

  test(`${compression}: what does not get smaller is not given, and the next is`, async () => {
    const deflater = new ClusterDeflater(CLUSTER_BYTES, compression, 3)
    randomBytes(CLUSTER_BYTES).copy(deflater.cluster)
    assert.equal(await deflater.deflate(), undefined)
    deflater.cluster.fill(7)
    assert.ok(((await deflater.deflate())?.length ?? CLUSTER_BYTES) < 1000)
  })
}
