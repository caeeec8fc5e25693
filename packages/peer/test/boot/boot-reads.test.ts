import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { type Digest, ManualClock, parseDigest } from '@shoal/core'
import type { ReadAnswer } from '../../src/boot/boot-reads.ts'
import { type HeldDevice, WatchedDevice } from '../../src/boot/boot-reads-device.ts'
import { BLOCK_SIZES, type DeviceReadOptions } from '../../src/boot/disk-device.ts'
import { manifestOf } from './manifest-of.ts'

const LAYER = parseDigest(`sha256:${'a'.repeat(64)}`)
const OTHER = parseDigest(`sha256:${'b'.repeat(64)}`)

function watched(read: (options: DeviceReadOptions) => Promise<void> | undefined) {
  const clock = new ManualClock(1_700_000_000_000)
  const seen: unknown[] = []
  const answers: ReadAnswer[] = []
  const inner: HeldDevice = {
    ...{ sizeBytes: 4096, blockSizes: BLOCK_SIZES, isReadOnly: true },
    read: (_offset, _length, _into, options) => read(options),
    extents: () => [],
  }
  const observer = {
    onRead: (offset: number, length: number, atMs: number) => void seen.push(['read', offset, length, atMs]),
    onAnswered: (answer: ReadAnswer) => void answers.push(answer),
    onStalled: (stall: { layer: Digest; waitedMs: number }) => void seen.push(['stalled', stall]),
    onFailed: ({ layer, error }: { layer: Digest; error: { code: string } }) =>
      void seen.push(['failed', layer, error.code]),
  }
  const device = new WatchedDevice({ device: inner, observer, clock }, { name: 'vm', layer: LAYER })
  return { device, clock, seen, answers }
}

const { signal } = new AbortController()
const into = Buffer.alloc(512)

test('reads that need not wait are counted and told, with the time they began', async () => {
  const { device, seen, answers } = watched(() => undefined)
  equal(device.read(0, 512, into, { signal }), undefined)
  await device.read(512, 100, into, { signal })
  deepEqual(seen, [
    ['read', 0, 512, 1_700_000_000_000],
    ['read', 512, 100, 1_700_000_000_000],
  ])
  deepEqual(answers[0], { seconds: 0, isWarm: true, onDemandBytes: 0 })
  deepEqual(device.tally.reads, {
    ...{ reads: 2, readBytes: 612, waitingReads: 0, onDemandBytes: 0, stalls: 0, longestWaitMs: 0 },
    firstReadAt: '2023-11-14T22:13:20.000Z',
  })
})

test('who observes it hears which bytes of layers are read, of reads alone', async () => {
  const touched: unknown[] = []
  const manifest = manifestOf(LAYER, 8)
  const inner: HeldDevice = {
    ...{ sizeBytes: 4096, blockSizes: BLOCK_SIZES, isReadOnly: true },
    read: (offset, length, _into, { onTouched }) => onTouched?.(manifest, offset + 100, length) as undefined,
    extents: (_offset, _length, { onTouched }) => {
      equal(onTouched, undefined)
      return []
    },
  }
  const observer = { onTouched: (...about: unknown[]) => void touched.push(about) }
  const clock = new ManualClock()
  const device = new WatchedDevice({ device: inner, observer, clock }, { name: 'vm', layer: LAYER })
  await device.read(512, 10, into, { signal })
  await device.extents(0, 512, { signal, maxCount: 1 })
  deepEqual(touched, [[manifest, 612, 10]])
})

test('a read that waits is told as stalled after a second, and once', async () => {
  const gate = Promise.withResolvers<void>()
  const { device, clock, seen, answers } = watched(({ onDemand }) => {
    onDemand?.(1000, OTHER)
    onDemand?.(0, OTHER)
    return gate.promise
  })
  const reading = device.read(0, 512, into, { signal })
  clock.advance(999)
  await setImmediate()
  equal(seen.length, 1)
  clock.advance(1)
  await setImmediate()
  clock.advance(500)
  gate.resolve()
  await reading
  clock.advance(5000)
  await setImmediate()
  deepEqual(seen.slice(1), [['stalled', { layer: OTHER, waitedMs: 1000 }]])
  deepEqual(answers, [{ seconds: 1.5, isWarm: false, onDemandBytes: 1000 }])
  const { waitingReads, onDemandBytes, stalls, longestWaitMs } = device.tally.reads
  deepEqual([waitingReads, onDemandBytes, stalls, longestWaitMs], [1, 1000, 1, 1500])
})

test('a read that fails is told with the layer at fault; one whose client has gone is not', async () => {
  const failure = Object.assign(new Error('no'), { code: 'SHOAL_X' })
  const { device, seen } = watched(() => Promise.reject(failure))
  await rejects(device.read(0, 512, into, { signal }) ?? Promise.resolve(), { code: 'SHOAL_X' })
  deepEqual(seen.at(-1), ['failed', LAYER, 'SHOAL_BOOT_FAILED'])
  const gone = AbortSignal.abort()
  await rejects(device.read(0, 512, into, { signal: gone }) ?? Promise.resolve(), { code: 'SHOAL_X' })
  equal(seen.filter((one) => Array.isArray(one) && one[0] === 'failed').length, 1)
})
