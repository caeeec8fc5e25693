import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { NodeEvent } from '@shoal/api'
import { errorFactory, ManualClock, silentLogger } from '@shoal/core'
import { createMetrics } from '@shoal/service'
import { BootEvents } from '../../src/boot/boots-events.ts'
import { BootObserver } from '../../src/boot/boots-observer.ts'
import { registerBootMetrics } from '../../src/boot/metrics.ts'

const LAYER = `sha256:${'a'.repeat(64)}` as const
const boot = { name: 'vm', image: 'web', layers: [LAYER], virtualSizeBytes: 4096 }
const fail = errorFactory({ SHOAL_STORE_IO: { message: 'm', hint: 'h' } })

function start({ askedAt }: { askedAt: number | undefined }) {
  const clock = new ManualClock(10_000)
  const events: NodeEvent[] = []
  const queue = { add: async (event: NodeEvent) => void events.push(event) }
  const recorded: unknown[] = []
  const companions = { onRead: (...read: unknown[]) => void recorded.push(read) }
  const told = new BootEvents({ queue, clock, logger: silentLogger })
  const observer = new BootObserver({ events: told, companions, clock, askedAt: () => askedAt })
  const metrics = createMetrics({ process: false })
  const count = () => observer.count(registerBootMetrics(metrics, { list: () => [] }))
  const has = async (line: string) => ok((await metrics.text()).split('\n').includes(line), line)
  return { clock, events, recorded, observer, count, has, text: () => metrics.text() }
}

test('a read is recorded and counted; the first of a new boot tells how long its machine waited for a byte', async () => {
  const { observer, recorded, count, has } = start({ askedAt: 7500 })
  const { onRead, onAnswered } = observer.observe(boot)
  count()
  onRead?.(0, 512, 9999)
  for (let read = 0; read < 2; read += 1) onAnswered?.({ seconds: 0.01, isWarm: read > 0, onDemandBytes: 512 })
  deepEqual(recorded, [['vm', 0, 512, 9999]])
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
