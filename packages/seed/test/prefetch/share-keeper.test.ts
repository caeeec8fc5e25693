import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock } from '@shoal/core'
import { NodeProgress } from '../../src/prefetch/node-progress.ts'
import { ShareKeeper } from '../../src/prefetch/share-keeper.ts'
import { layerDigest } from '../nodes/known-layers.ts'

const MIB = 1024 ** 2
const limits = (bytesPerSecond: number | null, nodeBytesPerSecond: number | null = null) => ({
  bytesPerSecond,
  nodeBytesPerSecond,
})

function rowsOf(rates: Record<string, number>): Map<string, NodeProgress> {
  return new Map(
    Object.entries(rates).map(([node, rate]) => {
      const row = new NodeProgress()
      row.update([[layerDigest(1), 1]], new Map(), { nowMs: 0, isEnded: () => false })
      row.bytesPerSecond = rate
      return [node, row]
    }),
  )
}

const shared = (shares: ReadonlyMap<string, number> | null) => Object.fromEntries(shares ?? [])

it('divides anew after a while, and at once when the limit changes', () => {
  const clock = new ManualClock(1_700_000_000_000)
  const keeper = new ShareKeeper(clock)
  assert.equal(keeper.limitOf('a'), null)
  const rows = rowsOf({ a: 5 * MIB, b: 5 * MIB })
  assert.deepEqual(shared(keeper.shares(limits(10 * MIB), rows)), { a: 5 * MIB, b: 5 * MIB })
  const [b] = [rows.get('b')]
  assert.ok(b !== undefined)
  b.readyAt = 1
  // The machine's clock may be set meanwhile.
  clock.set(0)
  clock.advance(1999)
  assert.deepEqual(shared(keeper.shares(limits(10 * MIB), rows)), { a: 5 * MIB, b: 5 * MIB })
  clock.advance(1)
  assert.deepEqual(shared(keeper.shares(limits(10 * MIB), rows)), { a: 10 * MIB })
  assert.deepEqual([keeper.limitOf('a'), keeper.limitOf('b')], [10 * MIB, 0])
  assert.deepEqual(shared(keeper.shares(limits(4 * MIB), rows)), { a: 4 * MIB })
  assert.equal(keeper.shares(limits(null), rows), null)
  assert.equal(keeper.limitOf('a'), null)
})

it('a node that is away, failed or ready takes no part', () => {
  const rows = rowsOf({ a: 0, gone: 0, failed: 0 })
  const [gone, failed] = [rows.get('gone'), rows.get('failed')]
  assert.ok(gone !== undefined && failed !== undefined)
  gone.presence = 'excluded'
  failed.failedAt = 1
  const keeper = new ShareKeeper(new ManualClock())
  assert.deepEqual(shared(keeper.shares(limits(10 * MIB), rows)), { a: 10 * MIB })
})

it('does not tell nodes of a share that differs little, as long as all together keep the limit', () => {
  const clock = new ManualClock()
  const keeper = new ShareKeeper(clock)
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`n${index}`, MIB]))
  const before = shared(keeper.shares(limits(40 * MIB), rowsOf(many)))
  clock.advance(2000)
  const { n0: _, ...fewer } = many
  const same = shared(keeper.shares(limits(40 * MIB), rowsOf(fewer)))
  const { n0: __, ...kept } = before
  assert.deepEqual(same, kept)
  clock.advance(2000)
  const more = keeper.shares(limits(40 * MIB), rowsOf({ ...many, new1: 0, new2: 0 }))
  const sum = [...(more?.values() ?? [])].reduce((a, b) => a + b, 0)
  assert.equal(more?.size, 42)
  assert.ok(sum <= 40 * MIB, `${sum}`)
  assert.ok(sum > 39.9 * MIB, `${sum}`)
})
