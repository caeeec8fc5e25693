import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, TransferLimits } from '@shoal/core'
import { DownAdmission } from '../src/down-admission.ts'
import { FetchTurns } from '../src/fetch-turns.ts'
import { DEFAULT_LAYER_TERMS } from '../src/layer-terms.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Lets promises that are settled have their say. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

/** The only layer of a node. */
function onlyLayer(clock: ManualClock, limits: TransferLimits, onTurn: () => void): DownAdmission {
  const turns = new FetchTurns(clock, limits)
  return new DownAdmission({ turns, terms: DEFAULT_LAYER_TERMS, onTurn, askedBytes: () => 0, offeredBytes: () => 0 })
}

test('what is urgent gets what it waited for, piece by piece', async () => {
  const clock = new ManualClock()
  const limits = new TransferLimits(clock, { downBytesPerSecond: 256 * KIB })
  let asked = 0
  // As the scheduler does: what is urgent is looked at first, then whatever else there is.
  const fill = () => {
    while (asked < 4 && admission.admit(MIB, 'on-demand', 'near')) asked += 1
    for (let more = 0; more < 8 && admission.admit(256 * KIB, 'plan', 'near'); more += 1);
  }
  const admission = onlyLayer(clock, limits, fill)
  fill()
  for (let second = 0; second < 20 && asked < 4; second += 1) {
    clock.advance(1000)
    await settle()
  }
  assert.equal(asked, 4)
  admission.close()
})

test('what is urgent waits in a line of its own', async () => {
  const clock = new ManualClock()
  const limits = new TransferLimits(clock, { downBytesPerSecond: MIB, prefetchBytesPerSecond: 16 * KIB })
  let calls = 0
  const admission = onlyLayer(clock, limits, () => {
    calls += 1
  })
  while (admission.admit(MIB, 'plan', 'near'));
  while (admission.admit(MIB, 'on-demand', 'near'));
  // The limit of prefetching keeps what is ordinary waiting for a minute.
  clock.advance(2000)
  await settle()
  assert.equal(calls, 1)
  assert.equal(admission.admit(MIB, 'on-demand', 'near'), true)
  admission.close()
})

test('a promise that is pending at the end says nothing any more', async () => {
  const clock = new ManualClock()
  const limits = new TransferLimits(clock, { downBytesPerSecond: 16 * KIB })
  const admission = onlyLayer(clock, limits, () => assert.fail('it was closed'))
  while (admission.admit(64 * KIB, 'plan', 'near'));
  admission.close()
  clock.advance(60_000)
  await settle()
  assert.equal(admission.admit(64 * KIB, 'on-demand', 'near'), false)
})
