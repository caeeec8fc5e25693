import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { deflateRawSync, zstdCompressSync } from 'node:zlib'
import { ClusterInflater } from '../src/cluster-inflater.ts'

const CLUSTER_BYTES = 65536
/** More than are worked on at the same time. */
const CLUSTERS = 40

const compressors = {
  zlib: (data: Buffer) => deflateRawSync(data, { windowBits: 12 }),
  zstd: (data: Buffer) => zstdCompressSync(data),
} as const

for (const compression of ['zlib', 'zstd'] as const) {
  const compress = compressors[compression]

  suite(`clusters with ${compression}`, () => {
    test('that are broken do not spoil those that are decompressed beside and after them', async () => {
      const inflater = new ClusterInflater(compression, CLUSTER_BYTES)
      for (let round = 0; round < 2; round += 1) {
        const clusters = Array.from({ length: CLUSTERS }, (_, index) => cluster(index))
        const packed = clusters.map((data, index) => broken(index, data, compress) ?? compress(data))
        const results = await Promise.allSettled(packed.map((data) => inflater.inflate(data)))
        for (const [index, result] of results.entries()) {
          const isBroken = broken(index, cluster(index), compress) !== undefined
          assert.equal(result.status, isBroken ? 'rejected' : 'fulfilled', `cluster ${index}`)
          if (result.status === 'fulfilled') assert.ok(result.value.equals(clusters[index] ?? Buffer.alloc(0)))
        }
      }
    })

    test('end where their data ends, whatever follows up to the next sector', async () => {
      const inflater = new ClusterInflater(compression, CLUSTER_BYTES)
      const [one, next] = [cluster(1), compress(cluster(2))]
      const inflated = await inflater.inflate(Buffer.concat([compress(one), next.subarray(0, 511)]))
      assert.ok(inflated.equals(one))
    })
  })
}

/** Every kind of fault now and then. */
function broken(index: number, data: Buffer, compress: (data: Buffer) => Buffer): Buffer | undefined {
  const packed = compress(data)
  if (index % 8 === 1) return compress(data.subarray(1))
  if (index % 8 === 3) return compress(Buffer.concat([data, data]))
  if (index % 8 === 5) return packed.subarray(0, packed.length - 5)
  if (index % 8 === 7) return Buffer.from(packed.map((byte, at) => (at > 20 ? byte ^ 0x55 : byte)))
  return undefined
}

function cluster(seed: number): Buffer {
  return Buffer.from(Array.from({ length: CLUSTER_BYTES }, (_, at) => ((at * (seed + 3)) % 251) & (at >> 9)))
}
