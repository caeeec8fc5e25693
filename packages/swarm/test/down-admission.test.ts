import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, TransferLimits } from '@shoal/core'
import { DownAdmission } from '../src/down-admission.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Lets promises that are settled have their say. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

test('what is urgent gets what it waited and paid for, piece by piece', async () => {
  const clock = new ManualClock()
  const limits = new TransferLimits(clock, { downBytesPerSecond: 256 * KIB })
  let asked = 0
  // As the scheduler does: what is urgent is looked at first, then whatever else there is.
  const fill = () => {
    while (asked < 4 && admission.admit(MIB, true)) asked += 1
    for (let more = 0; more < 8 && admission.admit(256 * KIB, false); more += 1);
  }
  const admission = new DownAdmission(limits, fill)
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
  const admission = new DownAdmission(limits, () => {
    calls += 1
  })
  while (admission.admit(MIB, false));
  while (admission.admit(MIB, true));
  // The limit of prefetching keeps what is ordinary waiting for a minute.
  clock.advance(2000)
  await settle()
  assert.equal(calls, 1)
  assert.equal(admission.admit(MIB, true), true)
  admission.close()
})

test('a promise that is pending at the end says nothing any more', async () => {
  const clock = new ManualClock()
  const limits = new TransferLimits(clock, { downBytesPerSecond: 16 * KIB })
  const admission = new DownAdmission(limits, () => assert.fail('it was closed'))
  while (admission.admit(64 * KIB, false));
  admission.close()
  clock.advance(60_000)
  await settle()
  assert.equal(admission.admit(64 * KIB, false), true)
  assert.equal(admission.admit(64 * KIB, false), false)
})
