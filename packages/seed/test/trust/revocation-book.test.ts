import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import { RevocationBook } from '../../src/trust/revocation-book.ts'

const HOUR_MS = 3_600_000
const START = Date.UTC(2026, 0, 1)

async function book(now: { at: number }, state = createMemoryState()) {
  const clock = Object.assign(new ManualClock(), { now: () => now.at })
  const made = new RevocationBook({ state, clock }, { keptMs: 8 * 24 * HOUR_MS })
  await made.open()
  return { book: made, state }
}

test('a clock that was set back does not leave a certificate out that is to be revoked, after a restart neither', async () => {
  const now = { at: START }
  const first = await book(now)
  await first.book.issued('n1', START)
  now.at = START - HOUR_MS
  const { book: again } = await book(now, first.state)
  const { until } = await again.revoke('n1')
  ok(until >= START)
  ok(again.earliest('n1') > until)
})

test("a clock that is ahead when a node is revoked does not keep the node's next certificate from holding", async () => {
  const now = { at: START }
  const { book: revocations } = await book(now)
  await revocations.issued('n1', START)
  now.at = START + HOUR_MS
  await revocations.revoke('n1')
  ok(revocations.earliest('n1') <= START + 1000)
})

test('a node whose certificates others made is revoked by the clock', async () => {
  const { book: revocations } = await book({ at: START + 1234 })
  equal((await revocations.revoke('n1')).until, START + 1000)
})
