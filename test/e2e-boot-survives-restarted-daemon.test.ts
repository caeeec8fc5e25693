import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertPartly, bootWhileFetching, readsAllRight, startBootGround } from './harness/boot-while-fetching.ts'
import { undoAfter } from './harness/undo.ts'

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
  assert.deepEqual(
    reader.qmp.events.filter(({ event }) => event === 'STOP'),
    [],
  )
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
  assert.deepEqual(
    reader.qmp.events.filter(({ event }) => event === 'STOP'),
    [],
  )
})
