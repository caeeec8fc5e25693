import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertPartly,
  bootWhileFetching,
  readsAllRight,
  standsStill,
  startBootGround,
  wholeImage,
} from './harness/boot-while-fetching.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

test('a machine whose only source is a killed seed stands still, and reads on when the seed is back', {
  timeout: 120_000,
}, async (t) => {
  const booted = await bootWhileFetching(await startBootGround(undoAfter(t), { peers: 1 }))
  const { cluster, reader, hurry } = booted
  await cluster.seed.end('SIGKILL')
  await standsStill(booted)
  await assertPartly(booted)
  await cluster.startSeed()
  await reader.reads(2)
  await hurry()
  await readsAllRight(booted)
  await until('the wait is told', async () => (await cluster.events('boot.stalled')).length > 0)
})

test('a machine reads on without the seed, and without the node it read from a moment ago', {
  timeout: 120_000,
}, async (t) => {
  const ground = await startBootGround(undoAfter(t), { peers: 3 })
  const { cluster, image } = ground
  const { layer } = await cluster.import(image)
  await cluster.assign(layer ?? '', ['node2', 'node3'])
  await cluster.complete(layer ?? '', ['node2', 'node3'])
  const booted = await bootWhileFetching(ground)
  const { reader } = booted
  await cluster.seed.end('SIGKILL')
  await reader.reads(2)
  await cluster.peer('node2').end('SIGKILL')
  await reader.reads(2)
  // Whichever of them it was that it read from.
  await cluster.peer('node2').start()
  await cluster.peer('node3').end('SIGKILL')
  await assertPartly(booted)
  await reader.reads(2)
  await readsAllRight(booted)
})

test('a read that nobody answers for too long is an error of the disk and never wrong data; it is told aloud', {
  timeout: 120_000,
}, async (t) => {
  const ground = await startBootGround(undoAfter(t), {
    peers: 1,
    peerConfig: () => ({ boot: { readTimeoutMs: 3000 } }),
  })
  const booted = await bootWhileFetching(ground, {
    change: (qemu) => qemu.replaceAll('error=stop', 'error=report'),
    overlay: null,
  })
  const { cluster, reader, hurry } = booted
  await cluster.seed.end('SIGKILL')
  const { wrong } = await reader.until('sees an error', ({ unreadable }) => unreadable > 0)
  assert.equal(wrong, 0)
  await cluster.startSeed()
  await hurry()
  const [failed] = await until('the failure is told', async () => {
    const events = await cluster.events('boot.failed-read')
    return events.length > 0 ? events : undefined
  })
  assert.equal(failed?.node, 'node1')
  assert.equal(failed?.details.code, 'SHOAL_BOOT_READ_TIMEOUT')
  assert.equal(failed?.details.boot, 'vm1')
  await wholeImage(booted)
  // The one that it was reading may have failed.
  const before = await reader.reads(1)
  const after = await reader.until('reads every file again', ({ rounds }) => rounds >= before.rounds + 2)
  assert.deepEqual([after.wrong, after.unreadable], [0, before.unreadable])
})

test('a machine that was stopped because nobody answered goes on as if nothing had been', {
  timeout: 120_000,
}, async (t) => {
  const ground = await startBootGround(undoAfter(t), {
    peers: 1,
    peerConfig: () => ({ boot: { readTimeoutMs: 3000 } }),
  })
  const booted = await bootWhileFetching(ground)
  const { cluster, reader, hurry } = booted
  await cluster.seed.end('SIGKILL')
  await until('QEMU stops the machine', async () => reader.isStopped)
  await cluster.startSeed()
  await hurry()
  await wholeImage(booted)
  await reader.qmp.execute('cont')
  await readsAllRight(booted)
})
