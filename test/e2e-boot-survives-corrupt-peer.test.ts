import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { test } from 'node:test'
import { bootWhileFetching, readsAllRight, startBootGround } from './harness/boot-while-fetching.ts'
import { joinAsLiar, LIAR } from './harness/lying-peer.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const MIB = 1024 * 1024
/** Of QEMU's and of ext4's: what is changed is in every one of them. */
const CLUSTER_BYTES = 64 * 1024

test('a machine reads right while a peer of its node sends corrupt blocks, and that one is banned', {
  timeout: 120_000,
}, async (t) => {
  // Slow enough that the liar, who says he has everything, is asked first.
  const ground = await startBootGround(undoAfter(t), { peers: 1, seedConfig: { swarm: { upBytesPerSecond: 2 * MIB } } })
  const { undo, cluster, image } = ground
  const { layer } = await cluster.import(image)
  await joinAsLiar(undo, cluster, layer ?? '')
  const booted = await bootWhileFetching(ground)
  const [ban] = await until('the ban is told', async () => {
    const events = await cluster.events('peer.banned')
    return events.length > 0 ? events : undefined
  })
  assert.equal(ban?.details.node, LIAR)
  await booted.hurry()
  await readsAllRight(booted)
})

test('a wrong byte would be seen: of blocks that are changed on the disk of the node the guest says that they are wrong', {
  timeout: 120_000,
}, async (t) => {
  const booted = await bootWhileFetching(await startBootGround(undoAfter(t), { peers: 1 }))
  const { cluster, boot, reader, hurry } = booted
  const [layer = ''] = boot.layers
  await hurry()
  await readsAllRight(booted)
  await cluster.complete(layer)
  await using file = await open(cluster.layerFile('node1', layer), 'r+')
  const { size } = await file.stat()
  for (let at = size / 2; at < size - CLUSTER_BYTES; at += CLUSTER_BYTES) {
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, Math.floor(at))
    await file.write(Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, Math.floor(at))
  }
  await reader.until('sees a wrong file', ({ wrong }) => wrong > 0)
})
