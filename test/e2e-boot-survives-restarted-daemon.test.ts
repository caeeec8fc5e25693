import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertPartly, bootWhileFetching, readsAllRight, startBootGround } from './harness/boot-while-fetching.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

test('a machine reads on, and reads right, when the daemon of its node is killed again and again', {
  timeout: 120_000,
}, async (t) => {
  const booted = await bootWhileFetching(await startBootGround(undoAfter(t), { peers: 1 }))
  const { cluster, reader, hurry } = booted
  const peer = cluster.peer('node1')
  for (let kill = 0; kill < 2; kill += 1) {
    await peer.end('SIGKILL')
    await peer.start()
    await assertPartly(booted)
    await reader.reads(2)
  }
  await hurry()
  await readsAllRight(booted)
  assert.equal(reader.wasStopped, false)
})

test('a machine reads on, and reads right, when the daemon of its node is upgraded', {
  timeout: 120_000,
}, async (t) => {
  const booted = await bootWhileFetching(await startBootGround(undoAfter(t), { peers: 1 }))
  const { cluster, reader, hurry } = booted
  const peer = cluster.peer('node1')
  await peer.end('SIGTERM')
  await peer.start()
  await assertPartly(booted)
  await reader.reads(2)
  await hurry()
  await readsAllRight(booted)
  assert.equal(reader.wasStopped, false)
})

test('a machine whose QEMU was not told to ask again is stopped, not given errors, and goes on when it is told to', {
  timeout: 120_000,
}, async (t) => {
  // As libvirt before 9.5 starts it.
  const change = (qemu: string) => qemu.replace('"reconnect-delay":600', '"reconnect-delay":0')
  const booted = await bootWhileFetching(await startBootGround(undoAfter(t), { peers: 1 }), { change })
  const { cluster, boot, reader, hurry } = booted
  assert.notEqual(change(boot.qemu), boot.qemu)
  const peer = cluster.peer('node1')
  await peer.end('SIGKILL')
  await until('QEMU stops the machine', async () => reader.isStopped)
  await peer.start()
  // It first asks again when it is told to, and is stopped once more if it has no answer by then.
  const { right } = reader.verdicts
  await until('the machine goes on', async () => {
    if (reader.isStopped) await reader.qmp.execute('cont')
    return reader.verdicts.right > right
  })
  await hurry()
  await readsAllRight(booted)
})
