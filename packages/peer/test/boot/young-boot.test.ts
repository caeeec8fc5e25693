import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { YoungBoot } from '../../src/boot/young-boot.ts'

/** A boot of a minute at most, whether it is over, and time that passes. */
function aBoot() {
  const clock = new ManualClock()
  const abort = new AbortController()
  const boot = new YoungBoot(clock, { maxMs: 60_000 })
  const state = { isOver: false, reason: undefined as unknown }
  const ended = boot.over(abort).then(
    () => {
      state.isOver = true
    },
    (reason: unknown) => {
      state.reason = reason
    },
  )
  const pass = async (seconds: number, { reads = false } = {}) => {
    for (let second = 0; second < seconds; second += 1) {
      if (reads) boot.onRead()
      clock.advance(1000)
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    }
    return state.isOver
  }
  return { pass, abort, ended, state }
}

test('a boot is over when nothing was read for half a minute, from its beginning on', async () => {
  const { pass } = aBoot()
  assert.equal(await pass(29), false)
  assert.equal(await pass(1), true)
})

test('each read puts it off, up to a limit', async () => {
  const { pass } = aBoot()
  assert.equal(await pass(20, { reads: true }), false)
  assert.equal(await pass(28), false)
  assert.equal(await pass(11, { reads: true }), false)
  assert.equal(await pass(1, { reads: true }), true)
})

test('nobody waits for one that was given up', async () => {
  const { abort, ended, state } = aBoot()
  abort.abort(new Error('given up'))
  await ended
  assert.match(String(state.reason), /given up/)
})
