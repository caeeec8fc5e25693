import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RefcountCounter, refcountTableClusters } from '../src/refcount-counter.ts'

test('the room for the refcount table is enough for every file that is not longer than was said', () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 400_000 }), fc.double({ min: 0, max: 1, noNaN: true }))
  fc.assert(
    fc.property(fc.integer({ min: 9, max: 12 }), sizes, (clusterBits, [most, part]) => {
      const clusterBytes = 2 ** clusterBits
      const tableClusters = refcountTableClusters(most, clusterBytes)
      const clusters = Math.ceil(most * part) + tableClusters
      const counter = new RefcountCounter(clusterBytes)
      counter.add(0, clusters * clusterBytes)
      const { blocks, table } = counter.layOut(clusters * clusterBytes, tableClusters * clusterBytes)
      assert.equal(table.length, tableClusters * clusterBytes)
      // Every cluster is counted once, the blocks' own too, and nothing behind them.
      const counts = Buffer.concat(blocks)
      const counted = clusters + blocks.length
      assert.ok(counts.length >= counted * 2)
      for (const cluster of [0, counted - 1]) assert.equal(counts.readUInt16BE(cluster * 2), 1)
      if (counts.length > counted * 2) assert.equal(counts.readUInt16BE(counted * 2), 0)
      blocks.forEach((_, index) => {
        assert.equal(Number(table.readBigUInt64BE(index * 8)), (clusters + index) * clusterBytes)
      })
    }),
    { numRuns: 40 },
  )
})
