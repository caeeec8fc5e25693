import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@shoal/core'
import fc from 'fast-check'
import { BlockTrace, blockKeys, MAX_TRACE_BLOCKS, type Trace } from '../../src/boot-profiles/block-trace.ts'
import { jaccard, meanLikeness } from '../../src/boot-profiles/likeness.ts'
import { isStable, mergeTraces, type ScoredRun } from '../../src/boot-profiles/merge-traces.ts'

const blocks = (...numbers: number[]): Trace => numbers.map((block) => [0, block, 1])
const order = (runs: readonly ScoredRun[]) => blockKeys(runs.map(([layer, first, count]) => [layer, first, count]))

const trace = fc
  .uniqueArray(fc.record({ layer: fc.nat(1), block: fc.nat(60) }), {
    maxLength: 40,
    selector: ({ layer, block }) => layer * 100 + block,
  })
  .map((list): Trace => list.map(({ layer, block }) => [layer, block, 1]))

test('one recording is the profile, in its own order', async () => {
  assert.deepEqual(await mergeTraces([[...blocks(9, 3, 4), [1, 0, 2]]]), [
    [0, 9, 1, 1],
    [0, 3, 2, 1],
    [1, 0, 2, 1],
  ])
  assert.deepEqual(await mergeTraces([]), [])
  assert.deepEqual(await mergeTraces([[]]), [])
})

test('a block comes where the median of the recordings reads it, whatever one of them did', async () => {
  const usual = blocks(1, 20, 3, 40, 5)
  const odd = blocks(40, 5, 3, 20, 1)
  assert.deepEqual(order(await mergeTraces([usual, odd, usual])), [1, 20, 3, 40, 5])
  assert.deepEqual(order(await mergeTraces([odd, usual, usual, usual, odd])), [1, 20, 3, 40, 5])
})

test('what fewer than half of the recordings read comes last, with the share that read it', async () => {
  const merged = await mergeTraces([blocks(7, 1, 2), blocks(1, 2), blocks(8, 1, 2), blocks(1, 2, 9), blocks(1, 2, 9)])
  assert.deepEqual(merged, [
    [0, 1, 2, 1],
    [0, 7, 2, 0.2],
    [0, 9, 1, 0.4],
  ])
  // Half is enough.
  assert.deepEqual(order(await mergeTraces([blocks(7, 1), blocks(1)])), [7, 1])
})

test('the profile has every block of every recording once, the stable ones first', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(trace, { minLength: 1, maxLength: 6 }), async (traces) => {
      const merged = await mergeTraces(traces)
      const keys = order(merged)
      assert.equal(new Set(keys).size, keys.length)
      assert.deepEqual(new Set(keys), new Set(traces.flatMap((one) => blockKeys(one))))
      const stable = merged.map(([, , , score]) => isStable(score))
      assert.ok(!stable.some((is, index) => is && stable[index - 1] === false))
      for (const [layer, first, count, score] of merged) {
        for (const key of blockKeys([[layer, first, count]])) {
          const readers = traces.filter((one) => blockKeys(one).includes(key)).length
          assert.equal(score, readers / traces.length)
        }
      }
    }),
    { numRuns: 200 },
  )
})

test('neither the order of the recordings nor having each twice changes anything', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(trace, { minLength: 1, maxLength: 5 }), fc.nat(), async (traces, seed) => {
      const random = seededRandom(seed)
      const shuffled = traces.map((one) => ({ one, at: random() })).sort((a, b) => a.at - b.at)
      const merged = await mergeTraces(traces)
      assert.deepEqual(await mergeTraces(shuffled.map(({ one }) => one)), merged)
      assert.deepEqual(await mergeTraces([...traces, ...traces]), merged)
    }),
    { numRuns: 100 },
  )
})

test('a recording that counts three times is as good as three of it', async () => {
  await fc.assert(
    fc.asyncProperty(trace, trace, trace, async (one, two, three) => {
      const weighted = await mergeTraces([one, two, three], [3, 1, 2])
      assert.deepEqual(weighted, await mergeTraces([one, one, one, two, three, three]))
    }),
    { numRuns: 100 },
  )
  await assert.rejects(mergeTraces([[]], [1, 1]), TypeError)
})

test('others have their turn while recordings are merged', async () => {
  let isDone = false
  const merging = mergeTraces([blocks(1, 2, 3)]).finally(() => {
    isDone = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isDone, false)
  await merging
})

test('boots that differ by a little jitter give the true order back', async () => {
  const random = seededRandom(7)
  const truth = Array.from({ length: 300 }, (_, index) => (index * 37) % 1009)
  const jittered = Array.from({ length: 5 }, () => {
    const list = [...truth]
    for (let at = 0; at + 1 < list.length; at += 2) {
      const [one = 0, other = 0] = [list[at], list[at + 1]]
      // Each pair changes places in one boot of five.
      if (random() < 0.2) list.splice(at, 2, other, one)
    }
    return blocks(...list)
  })
  const merged = order(await mergeTraces(jittered))
  const displaced = merged.filter((block, index) => Math.abs(truth.indexOf(block) - index) > 1)
  assert.deepEqual(displaced, [])
})

test('a profile and a trace have a bounded number of blocks, the first', async () => {
  const wide: Trace = [[0, 0, MAX_TRACE_BLOCKS]]
  const other: Trace = [[1, 0, MAX_TRACE_BLOCKS]]
  assert.equal(order(await mergeTraces([wide, other])).length, MAX_TRACE_BLOCKS)
  const collected = new BlockTrace([{ sizeBytes: 2 ** 40, blockLengthBytes: 4096 }])
  collected.add(0, 8192, 4096)
  collected.add(0, 0, 2 ** 40)
  assert.ok(collected.isFull)
  assert.deepEqual(collected.runs(), [
    [0, 2, 1],
    [0, 0, 2],
    [0, 3, MAX_TRACE_BLOCKS - 3],
  ])
})

test('a trace has each block at its first read, and nothing beyond the end of a file', () => {
  const collected = new BlockTrace([
    { sizeBytes: 10_000, blockLengthBytes: 4096 },
    { sizeBytes: 300_000, blockLengthBytes: 131_072 },
  ])
  collected.add(1, 262_143, 2)
  collected.add(0, 8192, 100_000)
  collected.add(0, 0, 8193)
  collected.add(1, 0, 1)
  collected.add(0, 20_000, 512)
  collected.add(1, 5, 0)
  assert.deepEqual(collected.runs(), [
    [1, 1, 2],
    [0, 2, 1],
    [0, 0, 2],
    [1, 0, 1],
  ])
})

test('likeness is what both read over what either read', () => {
  assert.equal(jaccard(new Set([1, 2, 3]), new Set([2, 3, 4, 5])), 2 / 5)
  assert.equal(jaccard(new Set(), new Set()), 1)
  assert.equal(jaccard(new Set([1]), new Set()), 0)
  assert.equal(meanLikeness([blocks(1, 2)]), 1)
  assert.equal(meanLikeness([blocks(1, 2), blocks(2, 1), blocks(2, 3)]), (1 + 1 / 3 + 1 / 3) / 3)
})
