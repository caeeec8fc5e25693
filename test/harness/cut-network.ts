import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLab } from '../../infra/lab/lab.ts'
import { assertPartly, bootWhileFetching, readsAllRight, startBootGround } from './boot-while-fetching.ts'
import { undoAfter } from './undo.ts'
import { until } from './until.ts'

/** For that long a machine may stand still after its node's cable was plugged in again. */
const RETURN_MS = 20_000

/**
 * Pulls the cable of a node whose machine reads what is not there: it stands still, and reads on by itself, and right,
 * when the cable is back.
 */
export async function cutNetwork(t: TestContext, { cutMs }: { cutMs: number }): Promise<void> {
  const undo = undoAfter(t)
  const lab = await createLab({ core: [{ name: 'seed' }, { name: 'node1' }] })
  undo.after(() => lab.destroy())
  const booted = await bootWhileFetching(await startBootGround(undo, { peers: 1, lab }))
  const { cluster, reader, hurry } = booted
  const node = lab.host('node1')
  await node.cable.cutOff()
  // The length of the cut is what this is about.
  await sleep(cutMs)
  const during = reader.verdicts
  await node.cable.restore()
  const restoredAt = Date.now()
  // For a moment the kernel still knows that there is no way.
  await until('the node can be reached', booted.show, { timeoutMs: RETURN_MS })
  await assertPartly(booted)
  await reader.reads(1, restoredAt + RETURN_MS - Date.now())
  t.diagnostic(`read on ${Date.now() - restoredAt} ms after a cut of ${cutMs} ms, ${JSON.stringify(during)}`)
  await hurry()
  await readsAllRight(booted)
  assert.ok((await booted.show()).reads.longestWaitMs > cutMs / 2, 'the machine did not wait for the network')
  await until('the wait is told', async () => (await cluster.events('boot.stalled')).length > 0)
}
