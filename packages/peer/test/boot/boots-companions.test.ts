import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { BootRecording } from '@shoal/api'
import { ManualClock, silentLogger } from '@shoal/core'
import { Companions } from '../../src/boot/boots-companions.ts'
import { fakeSeed } from '../fake-seed.ts'
import { eventually } from '../peer-fixture.ts'

const MIB = 1024 ** 2
const boot = { name: 'vm', image: '6f0c2c1e-0000-4000-8000-000000000001', layers: [], virtualSizeBytes: 8 * MIB }

function start() {
  const clock = new ManualClock(1_700_000_000_000)
  const sent: BootRecording[] = []
  const seed = fakeSeed({
    recordBoot: async ({ params, body }) => {
      equal(params.node, 'n1')
      sent.push(body)
      return {
        ...{ image: body.image, revision: 1, recordings: 1, wantsRecordings: false, bytes: 1, stability: 1 },
        updatedAt: null,
      }
    },
  })
  const prefetches = { hold: () => () => {} }
  const companions = new Companions(
    { seed, prefetches, clock, readClock: clock, random: () => 0.5, logger: silentLogger },
    { node: 'n1' },
  )
  return { clock, sent, companions }
}

test('what a machine reads of its disk is sent once it has booted, and it is recorded no more', async () => {
  const { clock, sent, companions } = start()
  companions.record(boot)
  equal(companions.isRecording('vm'), true)
  companions.onRead('vm', 0, 4096, clock.now())
  companions.onRead('other', 0, 4096, clock.now())
  await new Promise(setImmediate)
  clock.advance(5 * 60_000)
  await eventually(() => sent.length > 0 || undefined, { what: 'it is sent' })
  equal(sent[0]?.image, boot.image)
  ok(sent[0]?.profile.includes('4096'), sent[0]?.profile)
  equal(companions.isRecording('vm'), false)
  companions.onRead('vm', 4096, 4096, clock.now())
  await companions[Symbol.asyncDispose]()
  equal(sent.length, 1)
})

test('a machine that ends early has recorded what it read; one that read nothing has recorded nothing', async () => {
  const { clock, sent, companions } = start()
  companions.record(boot)
  companions.record({ ...boot, name: 'silent' })
  companions.onRead('vm', 0, 4096, clock.now())
  for (const name of ['vm', 'silent', 'unknown']) companions.ended(name)
  await eventually(() => sent.length > 0 || undefined, { what: 'it is sent' })
  await companions[Symbol.asyncDispose]()
  equal(sent.length, 1)
})

test('what is being recorded when the daemon stops is dropped', async () => {
  const { clock, sent, companions } = start()
  companions.record(boot)
  companions.onRead('vm', 0, 4096, clock.now())
  await companions[Symbol.asyncDispose]()
  deepEqual(sent, [])
})
