import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { BootRecording } from '@shoal/api'
import { ManualClock, silentLogger } from '@shoal/core'
import { Companions } from '../../src/boot/boots-companions.ts'
import { fakeSeed } from '../fake-seed.ts'
import { eventually } from '../peer-fixture.ts'
import { seedError } from './booting-node.ts'

const MIB = 1024 ** 2
const boot = { name: 'vm', image: '6f0c2c1e-0000-4000-8000-000000000001', layers: [], virtualSizeBytes: 8 * MIB }

function start(options: { wanted?: number; away?: boolean } = {}) {
  const clock = new ManualClock(1_700_000_000_000)
  const sent: BootRecording[] = []
  const seed = fakeSeed({
    recordBoot: async ({ params, body }) => {
      equal(params.node, 'n1')
      sent.push(body)
      if (options.away === true) throw seedError('SHOAL_NODE_UNKNOWN')
      const wantsRecordings = sent.length < (options.wanted ?? 1)
      return {
        ...{ image: body.image, revision: 1, recordings: 1, wantsRecordings, bytes: 1, stability: 1 },
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
  companions.onRead('vm', 0, MIB, clock.now())
  companions.onRead('other', 0, MIB, clock.now())
  await new Promise(setImmediate)
  clock.advance(5 * 60_000)
  await eventually(() => sent.length > 0 || undefined, { what: 'it is sent' })
  equal(sent[0]?.image, boot.image)
  ok(sent[0]?.profile.includes(`[0,${MIB},0]`), sent[0]?.profile)
  equal(companions.isRecording('vm'), false)
  companions.onRead('vm', 4096, 4096, clock.now())
  await companions[Symbol.asyncDispose]()
  equal(sent.length, 1)
})

test('a machine that ends early has recorded what it read; one that read nothing has recorded nothing', async () => {
  const { clock, sent, companions } = start()
  companions.record(boot)
  companions.record({ ...boot, name: 'silent' })
  companions.onRead('vm', 0, MIB, clock.now())
  for (const name of ['vm', 'silent', 'unknown']) companions.ended(name)
  await eventually(() => sent.length > 0 || undefined, { what: 'it is sent' })
  await companions[Symbol.asyncDispose]()
  equal(sent.length, 1)
})

test('what is being recorded when the daemon stops is dropped', async () => {
  const { clock, sent, companions } = start()
  companions.record(boot)
  companions.onRead('vm', 0, MIB, clock.now())
  await companions[Symbol.asyncDispose]()
  deepEqual(sent, [])
})

for (const [what, options, count] of [
  ['the seed wants no more of them', { wanted: 2 }, 2],
  ['one of them is refused', { away: true }, 1],
] as const) {
  test(`of many machines that boot an image at once no more is sent, or recorded, when ${what}`, async () => {
    const { clock, sent, companions } = start(options)
    const names = Array.from({ length: 9 }, (_, index) => `vm${index}`)
    const other = { ...boot, name: 'other', image: '6f0c2c1e-0000-4000-8000-000000000002' }
    for (const name of names) companions.record({ ...boot, name })
    companions.record(other)
    for (const name of [...names, 'other']) companions.onRead(name, 0, MIB, clock.now())
    for (const name of names.slice(0, 7)) companions.ended(name)
    await eventually(() => !companions.isRecording('vm8') || undefined, { what: 'the others are dropped' })
    equal(companions.isRecording('other'), true)
    companions.ended('other')
    const isOther = ({ image }: BootRecording) => image === other.image
    await eventually(() => sent.some(isOther) || undefined, { what: 'that of another image is sent' })
    await companions[Symbol.asyncDispose]()
    equal(sent.filter((one) => !isOther(one)).length, count)
  })
}
