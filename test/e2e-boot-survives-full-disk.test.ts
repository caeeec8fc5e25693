import assert from 'node:assert/strict'
import { mkdir, open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { errorCode } from '@shoal/core'
import {
  assertPartly,
  bootWhileFetching,
  readsAllRight,
  startBootGround,
  wholeImage,
} from './harness/boot-while-fetching.ts'
import { mountSmallDisk } from './harness/small-disk.ts'
import { undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const MIB = 1024 * 1024
const LAYER_BLOCK_BYTES = 256 * 1024
const isRoot = process.getuid?.() === 0

test('a machine reads on, and reads right, when nothing more can be stored on its node; what it reads is not kept', {
  timeout: 120_000,
  skip: isRoot ? false : 'mounting a small file system needs root',
}, async (t) => {
  const undo = undoAfter(t)
  const small = await mountSmallDisk(undo, 96)
  const store = join(small, 'layers')
  await mkdir(store)
  const ground = await startBootGround(undo, {
    peers: 1,
    peerConfig: () => ({ store: { directory: store }, cache: { maxShare: 1, minFreeBytes: 0 } }),
  })
  const booted = await bootWhileFetching(ground)
  const { cluster, reader, show, hurry } = booted
  const filler = join(small, 'filler')
  await fillUp(filler)
  await assertPartly(booted)
  await until('the node says that its disk is full', async () => (await cluster.events('store.no-space')).length > 0)
  const { presentBytes } = await show()
  await hurry()
  await readsAllRight(booted)
  await assertPartly(booted)
  t.diagnostic(`${(await show()).presentBytes - presentBytes} bytes were stored meanwhile`)
  const peer = cluster.peer('node1')
  await peer.end('SIGKILL')
  await peer.start()
  await readsAllRight(booted)
  await assertPartly(booted)

  await rm(filler)
  await readsAllRight(booted)
  await wholeImage(booted)
  assert.equal(reader.wasStopped, false)
})

/** Somebody else takes all that is free, to the last block of a layer. */
async function fillUp(path: string): Promise<void> {
  await using file = await open(path, 'w')
  const freeBytes = async () => {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  }
  for (let bytes = Buffer.alloc(MIB, 1); (await freeBytes()) >= LAYER_BLOCK_BYTES; ) {
    try {
      await file.appendFile(bytes)
    } catch (error) {
      assert.equal(errorCode(error), 'ENOSPC')
      // What the file system has promised for too much comes back.
      await file.sync()
      bytes = Buffer.alloc(4096, 1)
    }
  }
}
