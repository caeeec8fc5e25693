import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { layeredDisk } from '../compose/layered-disk.ts'
import { publishedLayer, signingKey } from '../layer-fixture.ts'
import { eventually } from '../peer-fixture.ts'
import { bootingNode, chainOf, seedError, soon } from './booting-node.ts'

const MIB = 1024 ** 2
const { base, middle } = await layeredDisk({ baseFormat: 'qcow2', sizeBytes: MIB })
const [BASE, MIDDLE] = [base.manifest.digest, middle.manifest.digest]

/** A node that has what describes an image's layers, and a seed that knows it. */
async function readyNode(options?: Parameters<typeof bootingNode>[0]) {
  const node = await bootingNode(options)
  node.chains.set('web', chainOf('web', [base, middle]))
  await node.describe(base, middle)
  return node
}

test('a disk is served as soon as its layers are described, with nothing of them there, and stays so', async () => {
  await using node = await bootingNode(soon)
  node.chains.set('web', chainOf('web', [base, middle]))
  const asked = await node.boots.prepare('vm', { image: 'WEB' })
  equal(asked.state, 'preparing')
  await eventually(() => node.needs.layers.length > 0 || undefined, { what: 'the layers are needed' })
  deepEqual(node.needs.layers, [BASE, MIDDLE])
  deepEqual(node.holds.owners(MIDDLE), ['boot vm'])
  await node.describe(base, middle)
  const { name, image, layers, virtualSizeBytes, presentBytes, totalBytes, error } = await node.reached(
    'vm',
    ({ state }) => state === 'ready',
  )
  deepEqual([name, image, layers, error], ['vm', 'web', [BASE, MIDDLE], null])
  deepEqual(
    [virtualSizeBytes, presentBytes, totalBytes],
    [1.5 * MIB, 0, base.manifest.sizeBytes + middle.manifest.sizeBytes],
  )
  deepEqual(node.server.served.get('vm'), { name, image, layers, virtualSizeBytes })
  await node.complete(base, middle)
  equal(node.show('vm').presentBytes, totalBytes)
  deepEqual(node.boots.list(), [node.show('vm')])
})

test('asking again for the same changes nothing; for anything else the name is taken', async () => {
  await using node = await readyNode()
  const first = await node.boots.prepare('vm', { image: 'web' })
  equal(first.state, 'ready')
  deepEqual(await node.boots.prepare('vm', { image: 'web' }), first)
  deepEqual(node.server.opened, ['vm'])
  for (const other of [
    { image: 'db' },
    { layer: MIDDLE },
    { image: 'web', overlay: null },
    { image: 'web', overlay: '/elsewhere' },
    { image: 'web', record: true },
  ]) {
    await rejects(node.boots.prepare('vm', other), { code: 'SHOAL_BOOT_NAME_TAKEN' })
  }
  await rejects(node.boots.prepare('x', {}), { code: 'SHOAL_BOOT_REQUEST' })
  await rejects(node.boots.prepare('x', { image: 'web', layer: MIDDLE }), { code: 'SHOAL_BOOT_REQUEST' })
  equal(node.boots.list().length, 1)
})

test('while an image is imported the boot waits, and says for what', async () => {
  await using node = await bootingNode(soon)
  node.chains.set('web', chainOf('web', [], { state: 'importing' }))
  const asked = await node.boots.prepare('vm', { image: 'web' })
  deepEqual([asked.state, asked.error?.code, asked.blockdev], ['preparing', 'SHOAL_BOOT_IMPORTING', []])
  node.chains.set('web', chainOf('web', [base]))
  await node.describe(base)
  equal((await node.reached('vm', ({ state }) => state === 'ready')).error, null)
})

test('what the seed refuses fails the boot, which holds nothing then, and may be asked for anew', async () => {
  await using node = await readyNode()
  node.chains.set('web', seedError('SHOAL_IMAGE_DEACTIVATED'))
  const refused = await node.boots.prepare('vm', { image: 'web' })
  deepEqual([refused.state, refused.error?.code], ['failed', 'SHOAL_IMAGE_DEACTIVATED'])
  deepEqual(node.needs.layers, [])
  equal(node.holds.isHeld(BASE), false)
  node.chains.set('web', chainOf('web', [base, middle]))
  const again = await node.boots.prepare('vm', { image: 'web', overlay: null })
  deepEqual([again.state, again.error, again.overlay], ['ready', null, null])
})

test('what passes by itself is waited for: a seed that is away or busy, or that has lost this node', async () => {
  await using node = await readyNode(soon)
  node.chains.delete('web')
  equal((await node.boots.prepare('vm', { image: 'web' })).error?.code, 'SHOAL_API_UNREACHABLE')
  for (const code of ['SHOAL_IMPORT_QUEUE_FULL', 'SHOAL_NODE_UNKNOWN'] as const) {
    node.chains.set('web', seedError(code))
    node.notice.ring()
    await node.reached('vm', ({ error }) => error?.code === code)
  }
  equal(node.unknown > 0, true)
  node.chains.set('web', chainOf('web', [base, middle]))
  node.notice.ring()
  await node.reached('vm', ({ state }) => state === 'ready')
})

test('while the seed is away a node boots what it booted before, from the layers that are here, unless they were withdrawn', async () => {
  await using node = await readyNode(soon)
  await node.boots.prepare('vm', { image: 'web' })
  await node.reached('vm', ({ state }) => state === 'ready')
  await node.boots.release('vm')
  await eventually(() => node.told.includes('end web') || undefined, { what: 'the seed is told' })
  await node.restart(() => node.chains.delete('web'))
  await node.boots.prepare('vm-2', { image: 'web' })
  await node.reached('vm-2', ({ state }) => state === 'ready')
  node.withdrawn.add(BASE)
  equal((await node.boots.prepare('vm-3', { image: 'web' })).error?.code, 'SHOAL_API_UNREACHABLE')
})

test('a layer that is named brings its base, and needs no seed', async () => {
  await using node = await bootingNode(soon)
  const asked = await node.boots.prepare('vm', { layer: MIDDLE })
  deepEqual([asked.state, asked.image, asked.layers], ['preparing', null, [MIDDLE]])
  await node.describe(middle)
  await node.reached('vm', ({ layers }) => layers.length === 2)
  deepEqual(node.needs.layers, [BASE, MIDDLE])
  await node.describe(base)
  deepEqual((await node.reached('vm', ({ state }) => state === 'ready')).layers, [BASE, MIDDLE])
  deepEqual(node.told, [])
})

test('a layer that the seed does not know fails, one that finds no room now says so and waits', async () => {
  await using node = await bootingNode(soon)
  node.failures.set(MIDDLE, seedError('SHOAL_LAYER_UNKNOWN'))
  await node.boots.prepare('vm', { layer: MIDDLE })
  equal((await node.reached('vm', ({ state }) => state === 'failed')).error?.code, 'SHOAL_LAYER_UNKNOWN')
  node.failures.set(BASE, seedError('SHOAL_API_UNREACHABLE'))
  const waiting = await node.boots.prepare('vm-2', { layer: BASE })
  deepEqual([waiting.state, waiting.error?.code], ['preparing', 'SHOAL_API_UNREACHABLE'])
})

test('layers that do not belong together make no disk', async () => {
  await using node = await bootingNode()
  const other = publishedLayer(signingKey().privateKey, Buffer.alloc(MIB, 'x'))
  node.chains.set('web', chainOf('web', [other, middle]))
  await node.describe(other, middle)
  equal((await node.boots.prepare('vm', { image: 'web' })).error?.code, 'SHOAL_BOOT_LAYER_INVALID')
  node.chains.set('deep', chainOf('deep', [middle]))
  equal((await node.boots.prepare('vm-2', { image: 'deep' })).error?.code, 'SHOAL_BOOT_LAYER_INVALID')
})

test('layers are held until the last boot of them is released, and the seed is told then', async () => {
  await using node = await readyNode()
  await node.boots.prepare('one', { image: 'web' })
  await node.boots.prepare('two', { image: 'web' })
  await node.boots.release('one')
  equal(await node.holds.remove(BASE, () => node.store.remove(BASE)), false)
  deepEqual([...node.server.served.keys()], ['two'])
  await node.boots.release('two')
  equal(node.holds.isHeld(BASE), false)
  deepEqual(node.needs.layers, [])
  await eventually(() => node.told.at(-1) === 'end web' || undefined, { what: 'the seed is told' })
  equal(node.told.filter((one) => one === 'end web').length, 1)
  await rejects(node.boots.release('two'), { code: 'SHOAL_BOOT_UNKNOWN' })
  await rejects(async () => node.boots.show('two'), { code: 'SHOAL_BOOT_UNKNOWN' })
})

test('a release that the seed could not be told of is told after a restart', async () => {
  await using node = await readyNode()
  await node.boots.prepare('vm', { image: 'web' })
  node.chains.delete('web')
  await node.boots.release('vm')
  await node.restart(() => node.chains.set('web', chainOf('web', [base, middle])))
  await eventually(() => node.told.at(-1) === 'end web' || undefined, { what: 'the seed is told' })
})

test('one that is being prepared can be released, also while it waits for the seed or the server', async () => {
  await using node = await bootingNode(soon)
  await node.boots.prepare('vm', { image: 'web' })
  await node.boots.release('vm')
  await node.describe(base)
  node.server.fault = new Error('not now')
  await node.boots.prepare('vm', { layer: BASE })
  await node.reached('vm', ({ error }) => error?.code === 'SHOAL_BOOT_FAILED')
  await node.boots.release('vm')
  deepEqual([node.boots.list(), node.holds.isHeld(BASE), [...node.server.served]], [[], false, []])
})

test('after a restart the same disks are served again, without the seed, in the order of nobody', async () => {
  await using node = await readyNode()
  const before = [
    await node.boots.prepare('one', { image: 'web' }),
    await node.boots.prepare('two', { layer: BASE, overlay: null }),
  ]
  await node.restart(() => node.chains.clear())
  await eventually(() => node.server.served.size === 2 || undefined, { what: 'both are served' })
  deepEqual(node.boots.list(), before)
  deepEqual([...node.needs.layers].sort(), [BASE, MIDDLE].sort())
  equal(node.holds.isHeld(BASE) && node.holds.isHeld(MIDDLE), true)
})

test('after a restart what was being prepared goes on, and what had failed is still known', async () => {
  await using node = await bootingNode(soon)
  node.chains.set('bad', seedError('SHOAL_IMAGE_DEACTIVATED'))
  node.chains.set('web', chainOf('web', [], { state: 'importing' }))
  await node.boots.prepare('failed', { image: 'bad' })
  await node.reached('failed', ({ state }) => state === 'failed')
  await node.boots.prepare('vm', { image: 'web' })
  await node.restart(() => node.chains.set('web', chainOf('web', [base])))
  await node.describe(base)
  await node.reached('vm', ({ state }) => state === 'ready')
  equal(node.show('failed').error?.code, 'SHOAL_IMAGE_DEACTIVATED')
})

test('a machine that runs keeps a disk whose layers were withdrawn; nothing new is booted from them', async () => {
  await using node = await readyNode()
  await node.boots.prepare('vm', { image: 'web' })
  node.withdrawn.add(BASE)
  await node.restart()
  await node.reached('vm', ({ state }) => state === 'ready')
  equal((await node.boots.prepare('new', { image: 'web' })).error?.code, 'SHOAL_BOOT_LAYER_WITHDRAWN')
})

test('a disk that cannot be opened yet is tried again until its layers are whole; then it has failed', async () => {
  await using node = await readyNode(soon)
  node.server.fault = seedError('SHOAL_API_UNREACHABLE')
  const asked = await node.boots.prepare('vm', { image: 'web' })
  deepEqual([asked.state, asked.error?.code], ['preparing', 'SHOAL_API_UNREACHABLE'])
  await node.complete(base, middle)
  equal((await node.reached('vm', ({ state }) => state === 'failed')).error?.code, 'SHOAL_API_UNREACHABLE')
  node.server.fault = undefined
  await node.boots.prepare('vm', { image: 'web' })
  await node.reached('vm', ({ state }) => state === 'ready')
})

test('a layer that makes no disk fails its boot at once', async () => {
  await using node = await readyNode()
  node.server.fault = seedError('SHOAL_QCOW2_HEADER')
  const { state, error } = await node.boots.prepare('vm', { image: 'web' })
  deepEqual([state, error?.code], ['failed', 'SHOAL_QCOW2_HEADER'])
})

test('it is recorded when the image wants that, unless the request or the node says otherwise', async () => {
  await using node = await readyNode()
  node.chains.set('web', chainOf('web', [base, middle], { wantsRecordings: true }))
  equal((await node.boots.prepare('one', { image: 'web' })).isRecorded, true)
  equal((await node.boots.prepare('two', { image: 'web', record: false })).isRecorded, false)
  equal((await node.boots.prepare('three', { layer: BASE })).isRecorded, false)
  await node.boots.prepare('four', { image: 'web' })
  await node.boots.release('four')
  deepEqual([...node.recorded], ['one'])
  // An invitation is not wasted on what is recorded anyhow, or not at all.
  await node.boots.prepare('five', { image: 'web', record: true })
  deepEqual([node.offered, node.show('five').isRecorded], [['web', 'web'], true])
  await node.boots.release('five')
  // What a machine reads later is not its boot.
  await node.restart()
  await node.reached('one', ({ state }) => state === 'ready')
  deepEqual([...node.recorded], [])
  await using silent = await readyNode({ recordings: false })
  silent.chains.set('web', chainOf('web', [base, middle], { wantsRecordings: true }))
  equal((await silent.boots.prepare('one', { image: 'web' })).isRecorded, false)
  deepEqual(silent.offered, [])
})

test('what boots of an image read is fetched first for as long as one is served, also after a restart', async () => {
  await using node = await readyNode()
  await node.boots.prepare('one', { image: 'web' })
  await node.boots.prepare('two', { layer: BASE })
  deepEqual(node.prefetched, ['web'])
  await node.restart()
  await node.reached('one', ({ state }) => state === 'ready')
  deepEqual(node.prefetched, ['web'])
  await node.boots.release('one')
  deepEqual(node.prefetched, [])
})

test('layers that are here count as used with each boot, and not again after a restart', async () => {
  await using node = await readyNode()
  await node.boots.prepare('vm', { image: 'web' })
  deepEqual(node.used, [BASE, MIDDLE])
  await node.restart()
  await node.reached('vm', ({ state }) => state === 'ready')
  deepEqual(node.used, [BASE, MIDDLE])
})

test('how a boot went is kept over a restart, and the first word that it has booted counts', async () => {
  await using node = await readyNode()
  const before = await node.boots.prepare('vm', { image: 'web' })
  ok(Date.parse(before.spans.openAt ?? '') >= Date.parse(before.preparedAt))
  deepEqual([before.spans.firstReadAt, before.spans.bootedAt], [null, null])
  node.boots.note('vm', { firstReadAt: '2026-01-01T00:00:01.000Z' })
  node.boots.note('vm', { bootedAt: '2026-01-01T00:00:20.000Z', bootedBy: 'quiet' })
  node.boots.note('stranger', { bootedBy: 'quiet' })
  const told = await node.boots.booted('vm')
  equal(told.spans.bootedBy, 'told')
  node.boots.note('vm', { bootedAt: '2026-01-01T00:00:30.000Z', bootedBy: 'quiet' })
  deepEqual(node.show('vm').spans, told.spans)
  deepEqual((await node.boots.booted('vm')).spans, told.spans)
  await rejects(node.boots.booted('stranger'), { code: 'SHOAL_BOOT_UNKNOWN' })
  await node.restart()
  deepEqual((await node.reached('vm', ({ state }) => state === 'ready')).spans, told.spans)
})

test('a tenant’s token goes to the seed until the layers are known, and is kept nowhere', async () => {
  await using node = await bootingNode(soon)
  node.chains.set('web', chainOf('web', [], { state: 'importing' }))
  const asked = await node.boots.prepare('vm', { image: 'web' }, { tenantToken: 'secret-1' })
  equal(asked.state, 'preparing')
  // Glance cannot say; meanwhile somebody brings a newer one.
  node.chains.set('web', seedError('SHOAL_ACCESS_GLANCE'))
  await node.reached('vm', ({ error }) => error?.code === 'SHOAL_ACCESS_GLANCE')
  await node.boots.prepare('vm', { image: 'web' }, { tenantToken: 'secret-2' })
  node.notice.ring()
  await eventually(() => node.tenantTokens.includes('secret-2') || undefined, { what: 'the newer one is said' })
  node.chains.set('web', chainOf('web', [base, middle]))
  await node.describe(base, middle)
  await node.reached('vm', ({ state }) => state === 'ready')
  ok(node.tenantTokens.filter((token) => token !== undefined).every((token) => token.startsWith('secret-')))
  equal(node.tenantTokens[0], 'secret-1')
  const kept: unknown[] = []
  for await (const entry of node.state.range({ prefix: 'peer/' })) kept.push(entry)
  equal(JSON.stringify([kept, node.boots.list()]).includes('secret'), false)
  node.tenantTokens.splice(0)
  await node.restart()
  await node.wants.ask('web', { signal: new AbortController().signal })
  deepEqual(new Set(node.tenantTokens), new Set([undefined]))
})

test('a boot that the seed refuses for want of a purpose fails, and is asked for again with a token', async () => {
  await using node = await bootingNode()
  node.chains.set('web', seedError('SHOAL_IMAGE_NO_PURPOSE'))
  const refused = await node.boots.prepare('vm', { image: 'web' })
  deepEqual([refused.state, refused.error?.code], ['failed', 'SHOAL_IMAGE_NO_PURPOSE'])
  node.chains.set('web', chainOf('web', [base, middle]))
  await node.describe(base, middle)
  equal((await node.boots.prepare('vm', { image: 'web' }, { tenantToken: 'secret' })).state, 'ready')
  equal(node.tenantTokens.at(-1), 'secret')
})
