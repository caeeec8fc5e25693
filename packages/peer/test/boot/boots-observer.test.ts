import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { BootSpans, NodeEvent } from '@shoal/api'
import { type Digest, errorFactory, ManualClock, silentLogger } from '@shoal/core'
import { createMetrics } from '@shoal/service'
import { BootEvents } from '../../src/boot/boots-events.ts'
import { BootObserver } from '../../src/boot/boots-observer.ts'
import { registerBootMetrics } from '../../src/boot/metrics.ts'
import { ProfileHits } from '../../src/boot/profile-hits.ts'
import { manifestOf } from './manifest-of.ts'

const LAYER = `sha256:${'a'.repeat(64)}` as const
const BLOCK_BYTES = 131_072
const boot = { name: 'vm', image: 'web', layers: [LAYER], virtualSizeBytes: 4096 }
const fail = errorFactory({ SHOAL_STORE_IO: { message: 'm', hint: 'h' } })

function start({ askedAt }: { askedAt: number | undefined }) {
  const clock = new ManualClock(10_000)
  const events: NodeEvent[] = []
  /** Blocks that are named, by layer. */
  const profile = new Map<Digest, Set<number>>()
  const queue = { add: async (event: NodeEvent) => void events.push(event) }
  const recorded: unknown[] = []
  const read: string[] = []
  const companions = { onRead: (...read: unknown[]) => void recorded.push(read) }
  const told = new BootEvents({ queue, clock, logger: silentLogger })
  const prefetches = {
    foretells: (_image: string, _layers: readonly Digest[], layer: Digest, offset: number) =>
      profile.has(layer) ? profile.get(layer)?.has(Math.floor(offset / BLOCK_BYTES)) : undefined,
    reads: (image: string) => () => void read.push(image),
  }
  const hits = new ProfileHits()
  const known: Partial<BootSpans> = {}
  const observer = new BootObserver({
    ...{ events: told, companions, prefetches, hits, clock },
    askedAt: () => askedAt,
    isOpen: () => true,
    onSpans: (_name, spans) => Object.assign(known, spans),
    readClock: clock,
  })
  const metrics = createMetrics({ process: false })
  const count = () => observer.count(registerBootMetrics(metrics, { list: () => [] }))
  const has = async (line: string) => ok((await metrics.text()).split('\n').includes(line), line)
  return { clock, known, profile, hits, events, recorded, read, observer, count, has, text: () => metrics.text() }
}

test('a read is recorded and counted; the first of a new boot tells how long its machine waited for a byte', async () => {
  const { observer, known, recorded, read, count, has } = start({ askedAt: 7500 })
  const { onRead, onAnswered } = observer.observe(boot)
  count()
  onRead?.(0, 512, 9999)
  for (let read = 0; read < 2; read += 1) onAnswered?.({ seconds: 0.01, isWarm: read > 0, onDemandBytes: 512 })
  deepEqual(recorded, [['vm', 0, 512, 9999]])
  deepEqual(read, [boot.image])
  deepEqual(known, { firstReadAt: new Date(9999).toISOString() })
  await has('shoal_boot_first_byte_seconds_count 1')
  await has('shoal_boot_first_byte_seconds_sum 2.5')
  await has('shoal_boot_on_demand_bytes_total 1024')
  await has('shoal_boot_read_seconds_count{kind="cold"} 1')
})

test('the first read after a restart is no first byte, and nothing is counted before somebody counts', async () => {
  const { observer, count, has } = start({ askedAt: undefined })
  const { onAnswered } = observer.observe(boot)
  onAnswered?.({ seconds: 0.01, isWarm: true, onDemandBytes: 0 })
  count()
  onAnswered?.({ seconds: 0.01, isWarm: true, onDemandBytes: 0 })
  await has('shoal_boot_first_byte_seconds_count 0')
  await has('shoal_boot_read_seconds_count{kind="warm"} 1')
})

test('stalls and failures are counted and told', async () => {
  const { observer, events, count, has } = start({ askedAt: undefined })
  count()
  const { onStalled, onFailed } = observer.observe(boot)
  onStalled?.({ layer: LAYER, waitedMs: 1000 })
  onStalled?.({ layer: LAYER, waitedMs: 1000 })
  onFailed?.({ layer: LAYER, error: fail('SHOAL_STORE_IO') })
  await has('shoal_boot_stalls_total 2')
  await has('shoal_boot_failed_reads_total 1')
  deepEqual(
    events.map(({ type }) => type),
    ['boot.stalled', 'boot.failed-read'],
  )
  equal(events[0]?.layer, LAYER)
})

test('blocks that a new boot reads are counted by whether its profile had named them, and told of when it has booted', async () => {
  const { observer, profile, hits, count, has } = start({ askedAt: 7500 })
  count()
  profile.set(LAYER, new Set(Array.from({ length: 30 }, (_, block) => block)))
  const { onRead, onTouched } = observer.observe(boot)
  for (let block = 0; block < 40; block += 1) {
    onRead?.(block * BLOCK_BYTES, 512, 10_000 + block)
    onTouched?.(manifestOf(LAYER, 64), block * BLOCK_BYTES, BLOCK_BYTES)
  }
  equal(hits.take('web'), undefined)
  onRead?.(0, 512, 10_000 + 3 * 60_000)
  onTouched?.(manifestOf(LAYER, 64), 60 * BLOCK_BYTES, BLOCK_BYTES)
  equal(hits.take('web'), 0.75)
  await has('shoal_boot_profile_blocks_total{foretold="yes"} 30')
  await has('shoal_boot_profile_blocks_total{foretold="no"} 10')
})

test('what a machine reads after a restart, or boots from a layer that was named by itself, is no news of a profile', () => {
  const { observer } = start({ askedAt: undefined })
  equal(observer.observe(boot).onTouched, undefined)
  equal(start({ askedAt: 7500 }).observer.observe({ ...boot, image: null }).onTouched, undefined)
})
