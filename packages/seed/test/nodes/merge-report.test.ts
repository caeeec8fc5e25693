import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type Inventory, type InventoryReport, inventoryText, type LayerInventory } from '@shoal/api'
import { SetDigest } from '@shoal/core'
import fc from 'fast-check'
import { type KnownInventory, mergeReport } from '../../src/nodes/merge-report.ts'
import { buildHeld, layerDigest } from './known-layers.ts'

const idle = { diskFreeBytes: 1, diskUsedBytes: 0, downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0 }
const [A, B, C] = [1, 2, 3].map((number) => buildHeld(layerDigest(number))) as [
  LayerInventory,
  LayerInventory,
  LayerInventory,
]

function inventoryOf(...layers: readonly LayerInventory[]): Inventory {
  return { ...idle, layers: [...layers] }
}

function digestOf(...layers: readonly LayerInventory[]): string {
  const digest = new SetDigest()
  for (const layer of layers) digest.toggle(inventoryText(layer))
  return digest.hex
}

function known(layers: readonly LayerInventory[], sequence = 5): KnownInventory {
  return { inventory: inventoryOf(...layers), digest: digestOf(...layers), sequence }
}

function change(layers: readonly LayerInventory[], report: Partial<InventoryReport> & { digest: string }) {
  return { inventory: { ...inventoryOf(...layers), load1: 9 }, report: { sequence: 6, gone: [], ...report } }
}

it('takes changes in when the result is what the node has', () => {
  const less = { ...B, presentBytes: 50 }
  const merged = mergeReport(known([A, B]), change([less, C], { digest: digestOf(less, C), gone: [A.digest] }))
  assert.deepEqual(merged?.inventory.layers, [less, C])
  assert.equal(merged?.inventory.load1, 9)
  assert.equal(merged?.sequence, 6)
  assert.deepEqual(merged?.changes, { layers: [less, C], gone: [A.digest] })
})

it('takes nothing of what does not fit, was overtaken, or rests on nothing', () => {
  const fits = change([C], { digest: digestOf(A, B, C) })
  assert.notEqual(mergeReport(known([A, B]), fits), undefined)
  assert.equal(mergeReport(known([A]), fits), undefined)
  assert.equal(mergeReport(known([A, B], 6), fits), undefined)
  assert.equal(mergeReport({ inventory: null, digest: undefined, sequence: 0 }, fits), undefined)
  assert.equal(mergeReport(known([A]), change([], { digest: digestOf(A, B) })), undefined)
})

it('replaces everything by a report of all, but not by one that was overtaken', () => {
  const all = { inventory: inventoryOf(C), report: { sequence: 6, digest: digestOf(C) } }
  assert.deepEqual(mergeReport(known([A, B]), all), {
    ...{ inventory: all.inventory, digest: digestOf(C), sequence: 6, changes: undefined },
  })
  assert.equal(mergeReport(known([A, B], 7), all), undefined)
})

it('replaces everything by a heartbeat of an earlier version, upon which changes still fit', () => {
  const merged = mergeReport(known([A]), { inventory: inventoryOf(B) })
  assert.deepEqual([merged?.inventory.layers, merged?.digest, merged?.sequence], [[B], undefined, 5])
  const next = mergeReport(merged ?? known([]), change([C], { digest: digestOf(B, C) }))
  assert.deepEqual(next?.inventory.layers, [B, C])
})

it('an idle node costs no copy of what it holds', () => {
  const before = known([A, B])
  const merged = mergeReport(before, change([], { digest: digestOf(A, B) }))
  assert.equal(merged?.inventory.layers, before.inventory?.layers)
})

it('does not grow beyond what a node may report', () => {
  const many = Array.from({ length: 4096 }, (_, number) => buildHeld(layerDigest(number + 10)))
  assert.equal(mergeReport(known(many), change([A], { digest: digestOf(...many, A) })), undefined)
})

it('a text tells apart whatever a node tells of a layer', () => {
  const count = fc.nat(2)
  const layers = fc.record({
    ...{ digest: fc.constantFrom(A.digest, B.digest), presentBytes: count, sizeBytes: count, peers: count },
    ...{ fromOriginBytes: count, fromPeersBytes: count, uploadedBytes: count },
    state: fc.constantFrom('waiting', 'fetching', 'complete', 'failed', 'evicted'),
    error: fc.constantFrom(null, { code: 'A', message: 'm', hint: 'h', details: { a: 1, b: null } }),
    isPinned: fc.boolean(),
  }) satisfies fc.Arbitrary<LayerInventory>
  fc.assert(
    fc.property(layers, layers, (one, other) => {
      const isSame = JSON.stringify(one) === JSON.stringify(other)
      assert.equal(inventoryText(one) === inventoryText(other), isSame)
      assert.equal(inventoryText(JSON.parse(JSON.stringify(one)) as LayerInventory), inventoryText(one))
    }),
  )
})
