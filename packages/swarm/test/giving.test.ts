import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock, TransferLimits } from '@shoal/core'
import { Giving } from '../src/giving.ts'
import { buildLayer, completed, startSwarm, storeLayer } from './layer-fixture.ts'

const MIB = 1024 * 1024

/** Resolves when something is so; looks again soon. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10))
}

test('a source is refused by its address or by its name', () => {
  const giving = new Giving()
  giving.setRefused([
    { node: 'one', host: '10.0.0.1' },
    { node: 'two', host: null },
  ])
  assert.deepEqual(
    [
      giving.isRefused('10.0.0.1', undefined),
      giving.isRefused('10.0.0.2', 'one'),
      giving.isRefused('10.0.0.2', 'two'),
      giving.isRefused('10.0.0.2', undefined),
      giving.isRefused('10.0.0.2', 'three'),
    ],
    [true, true, true, false, false],
  )
})

test('a daemon that gives nothing still takes, on wires that are open, and gives again when it may', async (t) => {
  const { description, data } = buildLayer(4 * MIB)
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.41.1' })
  await origin.join(await storeLayer(description, data))
  const quiet = await startSwarm(t, { role: 'peer', node: 'quiet', host: '127.0.41.2' })
  quiet.setGiving(false)
  const part = await storeLayer(description)
  await part.writeBlocks(0, data.subarray(0, 3 * MIB))
  const quietLayer = await quiet.join(part)
  const peer = await startSwarm(t, { role: 'peer', node: 'peer', host: '127.0.41.3' })
  const peerLayer = await peer.join(await storeLayer(description))
  peerLayer.addPeers([quiet.address])
  await until(() => peerLayer.stats().peers === 1 && quietLayer.stats().peers === 1)

  const quietDone = completed(quiet)
  quietLayer.addPeers([origin.address])
  await quietDone
  assert.equal(quietLayer.stats().fromOriginBytes, MIB)
  assert.deepEqual([quiet.stats().uploadedBytes, peerLayer.stats().fromPeersBytes], [0, 0])
  await until(() => quietLayer.stats().peers === 0)

  const peerDone = completed(peer)
  quiet.setGiving(true)
  peerLayer.addPeers([quiet.address])
  await peerDone
  assert.deepEqual([quiet.stats().uploadedBytes, peerLayer.stats().fromPeersBytes], [4 * MIB, 4 * MIB])
})

test('what was being given ends when nothing is given any more', async (t) => {
  const { description, data } = buildLayer(4 * MIB)
  const limits = new TransferLimits(systemClock)
  limits.set({ upBytesPerSecond: MIB })
  const giver = await startSwarm(t, { role: 'peer', node: 'giver', host: '127.0.42.1', limits })
  await giver.join(await storeLayer(description, data))
  const peer = await startSwarm(t, { role: 'peer', node: 'peer', host: '127.0.42.2' })
  const layer = await peer.join(await storeLayer(description))
  layer.addPeers([giver.address])
  await until(() => layer.stats().fromPeersBytes > 0)
  giver.setGiving(false)
  const { uploadedBytes } = giver.stats()
  assert.ok(uploadedBytes < data.length)
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.42.3' })
  await origin.join(await storeLayer(description, data))
  const done = completed(peer)
  layer.addPeers([origin.address])
  await done
  assert.equal(giver.stats().uploadedBytes, uploadedBytes)
})

for (const [how, host] of [
  ['by its address', '127.0.43.2'],
  ['by its name alone', null],
] as const) {
  test(`nothing is taken from one that is refused ${how}, which is given what it asks for`, async (t) => {
    const { description, data } = buildLayer(4 * MIB)
    const bad = await startSwarm(t, { role: 'peer', node: 'bad', host: '127.0.43.2' })
    const part = await storeLayer(description)
    await part.writeBlocks(0, data.subarray(0, 3 * MIB))
    const badLayer = await bad.join(part)
    const peer = await startSwarm(t, { role: 'peer', node: 'peer', host: '127.0.43.3' })
    peer.setRefused([{ node: 'bad', host }])
    const other = await storeLayer(description)
    await other.writeBlocks((3 * MIB) / description.manifest.blockLengthBytes, data.subarray(3 * MIB))
    const layer = await peer.join(other)
    const badDone = completed(bad)
    badLayer.addPeers([peer.address])
    layer.addPeers([bad.address])
    await badDone
    assert.equal(badLayer.stats().fromPeersBytes, MIB)
    assert.equal(bad.stats().uploadedBytes, 0)

    const done = completed(peer)
    peer.setRefused([])
    layer.addPeers([bad.address])
    await done
    assert.equal(layer.stats().fromPeersBytes, 3 * MIB)
  })
}

test('one that is refused while it gives is left at once', async (t) => {
  const { description, data } = buildLayer(4 * MIB)
  const limits = new TransferLimits(systemClock)
  limits.set({ upBytesPerSecond: MIB })
  const bad = await startSwarm(t, { role: 'peer', node: 'bad', host: '127.0.44.2', limits })
  await bad.join(await storeLayer(description, data))
  const peer = await startSwarm(t, { role: 'peer', node: 'peer', host: '127.0.44.3' })
  const layer = await peer.join(await storeLayer(description))
  layer.addPeers([bad.address])
  await until(() => layer.stats().fromPeersBytes > 0)
  peer.setRefused([{ node: 'bad', host: '127.0.44.2' }])
  const { fromPeersBytes } = layer.stats()
  assert.equal(layer.stats().peers, 0)
  const origin = await startSwarm(t, { role: 'origin', node: 'seed', host: '127.0.44.1' })
  await origin.join(await storeLayer(description, data))
  const done = completed(peer)
  layer.addPeers([origin.address])
  await done
  assert.equal(layer.stats().fromPeersBytes, fromPeersBytes)
})
