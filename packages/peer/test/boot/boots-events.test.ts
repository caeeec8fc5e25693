import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeEvent } from '@shoal/api'
import { errorFactory, ManualClock } from '@shoal/core'
import { BootEvents } from '../../src/boot/boots-events.ts'
import { recordingLogger } from '../recording-logger.ts'

const LAYER = `sha256:${'a'.repeat(64)}` as const
const fail = errorFactory({ SHOAL_STORE_IO: { message: 'The block {block} is gone.', hint: 'Look.' } })

function start() {
  const clock = new ManualClock(1_700_000_000_000)
  const events: NodeEvent[] = []
  const { logger, codes } = recordingLogger()
  const queue = { add: async (event: NodeEvent) => void events.push(event) }
  return { clock, events, codes, told: new BootEvents({ queue, clock, logger }) }
}

test('a read that failed is told with its boot, image, layer and cause, and logged as an error', async () => {
  const { told, events, codes } = start()
  await told.failedRead({ name: 'vm', image: 'web' }, { layer: LAYER, error: fail('SHOAL_STORE_IO', { block: 7 }) })
  deepEqual(events, [
    {
      at: '2023-11-14T22:13:20.000Z',
      type: 'boot.failed-read',
      layer: LAYER,
      message: 'A read of vm failed: The block 7 is gone.',
      details: { boot: 'vm', image: 'web', block: 7, code: 'SHOAL_STORE_IO', hint: 'Look.' },
    },
  ])
  deepEqual(codes('error'), ['SHOAL_STORE_IO'])
})

test('a machine that stalls again and again is told of once a minute, each machine and each kind for itself', async () => {
  const { told, events, clock } = start()
  const stall = (name: string) => told.stalled({ name, image: null }, { layer: LAYER, waitedMs: 1500 })
  for (const name of ['one', 'one', 'two']) await stall(name)
  await told.failedRead({ name: 'one', image: null }, { layer: LAYER, error: fail('SHOAL_STORE_IO') })
  equal(events.length, 3)
  clock.advance(59_999)
  await stall('one')
  equal(events.length, 3)
  clock.advance(1)
  await stall('one')
  equal(events.length, 4)
  deepEqual(events[0]?.details, { boot: 'one', waitedMs: 1500 })
  equal(events[0]?.message, 'A read of one waited 1.5 s for a block.')
})
