import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Inventory, inventoryText, type LayerInventory, type ReportedInventory } from '@shoal/api'
import { SetDigest } from '@shoal/core'
import fc from 'fast-check'
import { type InventoryMessage, InventoryReports } from '../src/inventory-reports.ts'

const layerOf = (number: number) => `sha256:${String(number).padStart(64, '0')}`

function inventoryOf(held: ReadonlyMap<number, number>): Inventory {
  const counters = { fromOriginBytes: 0, fromPeersBytes: 0, uploadedBytes: 0, peers: 0, error: null }
  const layers = [...held].map(([number, presentBytes]): LayerInventory => {
    return { digest: layerOf(number), state: 'fetching', presentBytes, sizeBytes: 100, ...counters }
  })
  return { layers, diskFreeBytes: 1, diskUsedBytes: 0, downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0 }
}

/** The seed's half, by docs/formats/heartbeat.md and by nothing else. */
class ReferenceSeed {
  layers = new Map<string, LayerInventory>()
  sequence = 0
  isKnown = false
  wholes = 0

  take({ inventory, report }: InventoryMessage): void {
    if (report !== undefined && report.sequence <= this.sequence) return
    const after = new Map(report?.gone === undefined ? [] : this.layers)
    for (const layer of report?.gone ?? []) after.delete(layer)
    for (const layer of inventory.layers) after.set(layer.digest, layer)
    if (report?.gone === undefined) this.wholes += 1
    else if (!this.isKnown || digestOf(after) !== report.digest) return
    this.layers = after
    this.isKnown = true
    this.sequence = report?.sequence ?? this.sequence
  }

  get reported(): ReportedInventory {
    return { sequence: this.sequence, digest: this.isKnown ? digestOf(this.layers) : null }
  }
}

function digestOf(layers: ReadonlyMap<string, LayerInventory>): string {
  const digest = new SetDigest()
  for (const layer of layers.values()) digest.toggle(inventoryText(layer))
  return digest.hex
}

function setUp() {
  const [seed, reports] = [new ReferenceSeed(), new InventoryReports({ sequence: 1000 })]
  const beat = (inventory: Inventory) => {
    const message = reports.next(inventory)
    seed.take(message)
    return { message, isEnough: reports.answered({ revision: 1, reported: seed.reported }) }
  }
  return { seed, reports, beat }
}

/** A node that holds many layers, and has told of them. */
function settled() {
  const held = new Map(Array.from({ length: 20 }, (_, number) => [number, 10]))
  const fixture = setUp()
  for (let turn = 0; turn < 2; turn += 1) fixture.beat(inventoryOf(held))
  return { held, ...fixture }
}

test('an idle node tells of no layer, and one of which a layer changed tells of that one', () => {
  const { held, beat } = settled()
  const idle = beat(inventoryOf(held)).message
  assert.deepEqual([idle.inventory.layers, idle.report?.gone], [[], []])
  held.set(3, 11)
  held.delete(4)
  held.set(99, 1)
  const { inventory, report } = beat(inventoryOf(held)).message
  assert.deepEqual(
    inventory.layers.map(({ digest }) => digest),
    [layerOf(3), layerOf(99)],
  )
  assert.deepEqual(report?.gone, [layerOf(4)])
})

test('the first heartbeat is one that any version of the seed takes, and one that knows no reports gets no others', () => {
  const reports = new InventoryReports({ sequence: 0 })
  for (let turn = 0; turn < 3; turn += 1) {
    assert.deepEqual(Object.keys(reports.next(inventoryOf(new Map([[1, 1]])))), ['inventory'])
    assert.equal(reports.answered({ revision: 1 }), true)
  }
})

test('what an unanswered report told is told again, be it as it was before', () => {
  const { held, seed, reports, beat } = settled()
  held.set(3, 50)
  seed.take(reports.next(inventoryOf(held)))
  held.set(3, 10)
  const { message, isEnough } = beat(inventoryOf(held))
  assert.deepEqual(
    message.inventory.layers.map(({ digest }) => digest),
    [layerOf(3)],
  )
  assert.ok(isEnough)
  assert.equal(seed.wholes, 2)
})

test('a seed that knows something else asks for all at once, and is told all', () => {
  const { held, seed, beat } = settled()
  seed.layers.delete(layerOf(7))
  held.set(3, 50)
  assert.equal(beat(inventoryOf(held)).isEnough, false)
  const { message, isEnough } = beat(inventoryOf(held))
  assert.equal(message.report?.gone, undefined)
  assert.ok(isEnough)
  assert.equal(seed.layers.size, 20)
})

test('a daemon whose clock went back goes on behind the sequence that the seed knows', () => {
  const { held, seed } = settled()
  const reports = new InventoryReports({ sequence: 5 })
  for (let turn = 0; turn < 3; turn += 1) {
    seed.take(reports.next(inventoryOf(held)))
    reports.answered({ revision: 1, reported: seed.reported })
  }
  const { report } = reports.next(inventoryOf(held))
  assert.ok((report?.sequence ?? 0) > 1000)
  assert.deepEqual(report?.gone, [])
})

type Step =
  | { readonly kind: 'hold'; readonly layer: number; readonly bytes: number }
  | { readonly kind: 'drop'; readonly layer: number }
  | { readonly kind: 'beat'; readonly fate: 'answered' | 'lost' | 'answer-lost' | 'late' }
  | { readonly kind: 'late-arrives' | 'node-restarts' | 'seed-restarts' | 'seed-forgets' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('hold' as const), layer: fc.nat(6), bytes: fc.nat(3) }),
  fc.record({ kind: fc.constant('drop' as const), layer: fc.nat(6) }),
  fc.record({
    kind: fc.constant('beat' as const),
    fate: fc.constantFrom('answered', 'answered', 'lost', 'answer-lost', 'late'),
  }),
  fc.record({ kind: fc.constantFrom('late-arrives', 'node-restarts', 'seed-restarts', 'seed-forgets') }),
)

test('whatever is lost, late or restarted: the seed never believes what was not, and knows all after three heartbeats', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const held = new Map<number, number>()
      const seed = new ReferenceSeed()
      let reports = new InventoryReports({ sequence: 1 })
      let saved = { layers: seed.layers, isKnown: false }
      let starts = 1
      const late: InventoryMessage[] = []
      const been = new Set([digestOf(new Map())])
      const look = () => assert.ok(been.has(digestOf(seed.layers)))
      const beat = (fate: string) => {
        const inventory = inventoryOf(held)
        been.add(digestOf(new Map(inventory.layers.map((layer) => [layer.digest, layer]))))
        const message = reports.next(inventory)
        if (fate === 'late') late.push(message)
        if (fate === 'answered' || fate === 'answer-lost') seed.take(message)
        if (fate === 'answered') reports.answered({ revision: 1, reported: seed.reported })
      }
      for (const one of steps) {
        if (one.kind === 'hold') held.set(one.layer, one.bytes)
        if (one.kind === 'drop') held.delete(one.layer)
        if (one.kind === 'beat') beat(one.fate)
        if (one.kind === 'late-arrives') for (const message of late.splice(0, 1)) seed.take(message)
        // Its clock may have gone back meanwhile.
        if (one.kind === 'node-restarts') reports = new InventoryReports({ sequence: (starts++ % 3) * 1000 })
        if (one.kind === 'seed-restarts') Object.assign(seed, saved, { sequence: 0 })
        if (one.kind === 'seed-forgets') Object.assign(seed, { layers: new Map(), isKnown: false, sequence: 0 })
        if (one.kind === 'beat' && held.size % 2 === 0) saved = { layers: seed.layers, isKnown: seed.isKnown }
        look()
      }
      for (let turn = 0; turn < 3; turn += 1) beat('answered')
      assert.deepEqual([...seed.layers.keys()].sort(), [...held.keys()].map(layerOf).sort())
      assert.equal(digestOf(seed.layers), seed.reported.digest)
    }),
    { numRuns: 500 },
  )
})
