import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { BlockDevice, BlockExtent } from '../src/block-device.ts'
import { checkDevice } from '../src/check-device.ts'
import { pattern } from './start-server.ts'

const MIB = 1024 * 1024

/** What every block device must do. `open` gives one of this content; it is for the caller to close it when the test ends. */
export function deviceConformance(name: string, open: (t: TestContext, content: Buffer) => Promise<BlockDevice>): void {
  describe(`${name} as a block device`, () => {
    const content = Buffer.alloc(2 * MIB + 4096)
    pattern(MIB).copy(content)
    const { signal } = new AbortController()

    /** Offset and length of a request that the device takes. */
    function ranges({ blockSizes: { minimum, maximum } }: BlockDevice) {
      const blocks = content.length / minimum
      return fc
        .tuple(fc.nat(blocks - 1), fc.integer({ min: 1, max: Math.min(blocks, maximum / minimum) }))
        .map(([first, count]) => [first * minimum, Math.min(count, blocks - first) * minimum] as const)
    }

    test('says of itself what the protocol allows', async (t) => {
      const device = await open(t, content)
      checkDevice(device)
      assert.equal(device.sizeBytes, content.length)
      assert.equal(device.isReadOnly, true)
    })

    test('reads are the content, and nothing beside them is touched', async (t) => {
      const device = await open(t, content)
      await fc.assert(
        fc.asyncProperty(ranges(device), async ([offset, length]) => {
          const memory = Buffer.alloc(length + 16, 0xaa)
          await device.read(offset, length, memory.subarray(8, 8 + length), { signal })
          assert.ok(memory.subarray(8, 8 + length).equals(content.subarray(offset, offset + length)))
          assert.ok([...memory.subarray(0, 8), ...memory.subarray(8 + length)].every((byte) => byte === 0xaa))
        }),
        { numRuns: 50 },
      )
    })

    test('reads overlap', async (t) => {
      const device = await open(t, content)
      const length = Math.min(device.blockSizes.maximum, 65_536)
      const reads = Array.from({ length: 16 }, async (_, index) => {
        const into = Buffer.alloc(length)
        await device.read(index * length, length, into, { signal })
        assert.ok(into.equals(content.subarray(index * length, (index + 1) * length)))
      })
      await Promise.all(reads)
    })

    test('extents cover a range, as far as they go, and zeros are zeros', async (t) => {
      const device = await open(t, content)
      await fc.assert(
        fc.asyncProperty(ranges(device), fc.integer({ min: 1, max: 8 }), async ([offset, length], maxCount) => {
          const extents: readonly BlockExtent[] = await device.extents(offset, length, { signal, maxCount })
          assert.ok(extents.length <= maxCount)
          let at = offset
          for (const extent of extents) {
            assert.ok(extent.length > 0)
            assert.equal(extent.length % device.blockSizes.minimum, 0)
            const bytes = content.subarray(at, Math.min(at + extent.length, offset + length))
            if (extent.isZero) assert.ok(bytes.every((byte) => byte === 0))
            at += extent.length
          }
          if (extents.length < maxCount && extents.length > 0) assert.ok(at <= content.length)
        }),
        { numRuns: 50 },
      )
    })

    test('an aborted read settles, and does no harm to the next', async (t) => {
      const device = await open(t, content)
      const abort = new AbortController()
      const into = Buffer.alloc(4096)
      const reading = device.read(0, 4096, into, { signal: abort.signal })
      abort.abort()
      await Promise.resolve(reading).catch(() => {})
      await device.read(0, 4096, into, { signal })
      assert.ok(into.equals(content.subarray(0, 4096)))
    })
  })
}
