import assert from 'node:assert/strict'
import { test } from 'node:test'
import { steadyClock, TransferLimits, type TransferRates } from '@shoal/core'
import { DEFAULT_LAYER_TERMS, type LayerSwarm, type LayerTerms, type Swarm, type SwarmLayer } from '@shoal/swarm'
import { type Undo, undoAfter } from '../../../test/harness/undo.ts'
import { until } from '../../../test/harness/until.ts'
import { buildLayer, startSwarm, storeLayer } from './layer-fixture.ts'

const KIB = 1024
const MIB = 1024 * KIB
const SOON = { everyMs: 5 }
const LIMIT = { timeout: 60_000 }
const PAUSED = { ...DEFAULT_LAYER_TERMS, limitBytesPerSecond: 0 }

interface Fetching {
  readonly layer: SwarmLayer
  readonly swarm: LayerSwarm
}

interface SetUp {
  readonly sizes: readonly number[]
  readonly rates?: Partial<TransferRates>
  readonly sources?: readonly { readonly role: 'origin' | 'peer'; readonly rack?: string; readonly layers?: number[] }[]
  readonly rack?: string
}

/** A node that has joined all layers, is connected to all sources of each and has asked for nothing; it begins with {@link begin}. */
async function setUp(undo: Undo, subnet: string, { sizes, rates, rack, sources = [{ role: 'peer' }] }: SetUp) {
  const start = (options: Parameters<typeof startSwarm>[1]) => startSwarm({ after: (end) => undo.after(end) }, options)
  const placed = (name: string | undefined) => (name === undefined ? {} : { zone: 'zone', rack: name })
  const described = sizes.map((size, index) => buildLayer(size + index * KIB))
  const hosts: Swarm[] = []
  for (const [index, { role, rack: where, layers }] of sources.entries()) {
    const source = await start({ role, node: `source${index}`, host: `${subnet}.${index + 1}`, ...placed(where) })
    for (const [number, { description, data }] of described.entries()) {
      if (layers?.includes(number) ?? true) await source.join(await storeLayer(description, data))
    }
    hosts.push(source)
  }
  const limits = new TransferLimits(steadyClock, rates)
  const node = await start({ role: 'peer', node: 'n', host: `${subnet}.100`, limits, ...placed(rack) })
  const fetching: Fetching[] = []
  for (const [number, { description }] of described.entries()) {
    const layer = await storeLayer(description)
    const swarm = await node.join(layer, PAUSED)
    const holders = hosts.filter((_, index) => sources[index]?.layers?.includes(number) ?? true)
    swarm.addPeers(holders.map(({ address }) => address))
    await until('the sources', async () => swarm.stats().peers === holders.length, SOON)
    fetching.push({ layer, swarm })
  }
  return { node, hosts, limits, fetching }
}

function begin(fetching: readonly Fetching[], ...terms: Partial<LayerTerms>[]): void {
  for (const [index, { swarm }] of fetching.entries()) swarm.setTerms({ ...DEFAULT_LAYER_TERMS, ...terms[index] })
}

function present(fetching: readonly Fetching[]): number[] {
  return fetching.map(({ layer }) => layer.presentBytes)
}

async function untilPresent({ layer }: Fetching, bytes: number): Promise<void> {
  await until(`${bytes} bytes`, async () => layer.presentBytes >= bytes, SOON)
}

for (const [role, subnet] of [
  ['peer', '127.0.91'],
  ['origin', '127.0.92'],
] as const) {
  test(
    `under a limit of the node the layer of the higher priority comes first, from a source that is ${role}`,
    LIMIT,
    async (t) => {
      const undo = undoAfter(t)
      const rates = { downBytesPerSecond: 8 * MIB }
      const { fetching } = await setUp(undo, subnet, { sizes: [6 * MIB, 6 * MIB], rates, sources: [{ role }] })
      begin(fetching, { priority: 10 }, { priority: 90 })
      const [low, high] = fetching
      assert.ok(low !== undefined && high !== undefined)
      await until('the higher one', async () => high.layer.present.isFull, SOON)
      assert.ok(low.layer.presentBytes <= MIB, `${low.layer.presentBytes / MIB}`)
      await until('the lower one', async () => low.layer.present.isFull, SOON)
    },
  )
}

test('heads of equal layers come before the rest of any of them, and at the beginning of each', LIMIT, async (t) => {
  const undo = undoAfter(t)
  const rates = { downBytesPerSecond: 8 * MIB }
  const { fetching } = await setUp(undo, '127.0.93', { sizes: [6 * MIB, 6 * MIB, 6 * MIB], rates })
  const bootBytes = 2 * MIB - 1
  begin(fetching, { bootBytes }, { bootBytes, wave: 1 }, { wave: 0 })
  const hasHead = ({ layer }: Fetching) =>
    Array.from({ length: 32 }, (_, block) => block).every((b) => layer.present.has(b))
  await until('the heads', async () => fetching.slice(0, 2).every(hasHead), SOON)
  const bytes = present(fetching)
  assert.ok(bytes.reduce((a, b) => a + b) <= 5 * MIB, `${bytes.map((one) => one / MIB)}`)
})

test('equal layers share the limit of the node by their weights', LIMIT, async (t) => {
  const undo = undoAfter(t)
  const rates = { downBytesPerSecond: 8 * MIB }
  const { fetching } = await setUp(undo, '127.0.94', { sizes: [16 * MIB, 16 * MIB], rates })
  begin(fetching, { weight: 30 }, { weight: 10 })
  const [three] = fetching
  assert.ok(three !== undefined)
  await untilPresent(three, 12 * MIB)
  const [more = 0, less = 1] = present(fetching)
  assert.ok(more / less > 2.7 && more / less < 3.3, `${more / less}`)
})

test('the limit of a layer holds within 5 %, and what it leaves of that of the node another gets', LIMIT, async (t) => {
  const undo = undoAfter(t)
  const limitBytesPerSecond = 2 * MIB
  const rates = { downBytesPerSecond: 6 * MIB }
  const { fetching } = await setUp(undo, '127.0.95', { sizes: [8 * MIB, 24 * MIB], rates })
  const [limited] = fetching
  assert.ok(limited !== undefined)
  begin(fetching, { limitBytesPerSecond, priority: 90 }, {})
  await untilPresent(limited, MIB)
  const [from = 0, otherFrom = 0] = present(fetching)
  const startAt = performance.now()
  await untilPresent(limited, 7 * MIB)
  const seconds = (performance.now() - startAt) / 1000
  const [to = 0, otherTo = 0] = present(fetching)
  const rate = (to - from) / seconds
  assert.ok(Math.abs(rate / limitBytesPerSecond - 1) < 0.05, `${rate / MIB} MiB/s`)
  const otherRate = (otherTo - otherFrom) / seconds
  assert.ok(otherRate > 3.6 * MIB && otherRate < 4.4 * MIB, `the other: ${otherRate / MIB} MiB/s`)
})

for (const [role, subnet] of [
  ['peer', '127.0.96'],
  ['origin', '127.0.97'],
] as const) {
  test(`a layer that is paused gets nothing more of a ${role}, and goes on where it was`, LIMIT, async (t) => {
    const undo = undoAfter(t)
    const rates = { downBytesPerSecond: 8 * MIB }
    const { fetching, hosts } = await setUp(undo, subnet, { sizes: [8 * MIB, 6 * MIB], rates, sources: [{ role }] })
    const [paused, other] = fetching
    assert.ok(paused !== undefined && other !== undefined)
    begin(fetching, {}, { limitBytesPerSecond: 0 })
    await untilPresent(paused, 2 * MIB)
    begin(fetching, { limitBytesPerSecond: 0 }, {})
    await until('the other', async () => other.layer.present.isFull, SOON)
    assert.ok(paused.layer.presentBytes < 5 * MIB, `${paused.layer.presentBytes / MIB}`)
    begin(fetching, {}, {})
    await until('the rest', async () => paused.layer.present.isFull, SOON)
    const uploaded = hosts[0]?.stats().uploadedBytes ?? 0
    assert.ok(uploaded < 14.1 * MIB, `nothing comes twice: ${uploaded / MIB}`)
  })
}

test('a limit on what comes from other racks holds up no source of the own rack', LIMIT, async (t) => {
  const undo = undoAfter(t)
  const far = MIB
  const { fetching, hosts } = await setUp(undo, '127.0.98', {
    sizes: [12 * MIB, 4 * MIB],
    rates: { crossRackDownBytesPerSecond: far },
    rack: 'a',
    sources: [
      { role: 'peer', rack: 'a', layers: [0] },
      { role: 'peer', rack: 'b' },
    ],
  })
  const [near, distant] = fetching
  assert.ok(near !== undefined && distant !== undefined)
  begin(fetching)
  const startAt = performance.now()
  await until('what is near', async () => near.layer.present.isFull, SOON)
  assert.ok(distant.layer.presentBytes < 3 * MIB)
  await until('what is far', async () => distant.layer.present.isFull, SOON)
  const seconds = (performance.now() - startAt) / 1000
  const fromAfar = hosts[1]?.stats().uploadedBytes ?? 0
  assert.ok(fromAfar / far <= (seconds + 0.3) * 1.05, `${fromAfar / MIB} MiB in ${seconds} s`)
})

test('the origin gives the layer of the higher priority first, each to another node', LIMIT, async (t) => {
  const undo = undoAfter(t)
  const start = (options: Parameters<typeof startSwarm>[1]) => startSwarm({ after: (end) => undo.after(end) }, options)
  const limits = new TransferLimits(steadyClock, { upBytesPerSecond: 64 * KIB })
  const origin = await start({ role: 'origin', node: 'seed', host: '127.0.99.1', limits })
  const fetching: Fetching[] = []
  for (const [index, priority] of [10, 90].entries()) {
    const { description, data } = buildLayer(5 * MIB + index * KIB)
    await origin.join(await storeLayer(description, data), { ...DEFAULT_LAYER_TERMS, priority })
    const node = await start({ role: 'peer', node: `n${index}`, host: `127.0.99.${index + 2}` })
    const layer = await storeLayer(description)
    const swarm = await node.join(layer)
    swarm.addPeers([origin.address])
    fetching.push({ layer, swarm })
  }
  const [low, high] = fetching
  assert.ok(low !== undefined && high !== undefined)
  // Both have said what they need, and the first blocks are on their way.
  await until('both', async () => fetching.every(({ swarm }) => swarm.stats().fromOriginBytes > 0), SOON)
  limits.set({ upBytesPerSecond: 5 * MIB })
  await until('the higher one', async () => high.layer.present.isFull, SOON)
  // It gets what the other leaves while it says what arrived.
  assert.ok(low.layer.presentBytes <= 3 * MIB, `${low.layer.presentBytes / MIB}`)
  await until('the lower one', async () => low.layer.present.isFull, SOON)
})
