import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, ShoalError, silentLogger } from '@shoal/core'
import { sendRecording } from '../../src/boot/recording-sender.ts'
import type { SeedApi } from '../../src/seed-link.ts'
import { fakeSeed } from '../fake-seed.ts'

const recording = { node: 'n1', image: 'image', profile: 'text' }

function send(answers: readonly string[]) {
  const clock = new ManualClock()
  const abort = new AbortController()
  const asked: unknown[] = []
  const recordBoot = async (call: { params: unknown; body: unknown }) => {
    const code = answers[asked.length]
    asked.push([call.params, call.body])
    if (code !== '' && code !== undefined) throw new ShoalError(code, 'no', { hint: '' })
    return { wantsRecordings: true }
  }
  const seed = fakeSeed({ recordBoot: recordBoot as unknown as SeedApi['recordBoot'] })
  const deps = { seed, clock, random: () => 0.5, logger: silentLogger }
  const sent = sendRecording(deps, recording, { signal: abort.signal })
  /** Lets all waits pass. */
  const settle = async () => {
    let result: boolean | undefined
    void sent.then((value) => {
      result = value
    })
    for (let turn = 0; turn < 100 && result === undefined; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve))
      clock.advance(60_000)
    }
    return result
  }
  return { sent, settle, asked, abort }
}

test('a recording is sent with its node and image', async () => {
  const { sent, asked } = send([''])
  assert.equal(await sent, true)
  assert.deepEqual(asked, [[{ node: 'n1' }, { image: 'image', profile: 'text' }]])
})

test('it is sent again while the seed is away or busy, a few times', async () => {
  const once = send(['SHOAL_API_UNREACHABLE', 'SHOAL_BOOT_PROFILE_BUSY', 'SHOAL_API_TIMEOUT', ''])
  assert.equal(await once.settle(), true)
  assert.equal(once.asked.length, 4)
  const never = send(Array(9).fill('SHOAL_API_UNREACHABLE'))
  assert.equal(await never.settle(), false)
  assert.equal(never.asked.length, 5)
})

test('what the seed refuses is not sent again', async () => {
  const { sent, asked } = send(['SHOAL_BOOT_PROFILE_OTHER_DISK'])
  assert.equal(await sent, false)
  assert.equal(asked.length, 1)
})

test('it ends with the daemon', async () => {
  const { sent, asked, abort } = send(Array(9).fill('SHOAL_API_UNREACHABLE'))
  await new Promise((resolve) => setImmediate(resolve))
  abort.abort()
  assert.equal(await sent, false)
  assert.equal(asked.length, 1)
})
