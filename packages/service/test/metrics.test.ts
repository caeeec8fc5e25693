import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics } from '@shoal/service'

test('metrics of two registries do not meet', async () => {
  const [a, b] = [createMetrics({ process: false }), createMetrics({ process: false })]
  a.counter({ name: 'shoal_test_things_total', help: 'Things.', labels: ['kind'] }).inc({ kind: 'x' }, 2)
  b.counter({ name: 'shoal_test_things_total', help: 'Things.' })
  assert.match(await a.text(), /shoal_test_things_total\{kind="x"\} 2/)
  assert.match(await b.text(), /shoal_test_things_total 0/)
})

test('a gauge may be collected when it is asked for', async () => {
  const metrics = createMetrics({ process: false })
  let value = 1
  metrics.gauge({ name: 'shoal_test_level_bytes', help: 'Level.', collect: (gauge) => gauge.set(value) })
  value = 7
  assert.match(await metrics.text(), /shoal_test_level_bytes 7/)
})

test('process metrics are there unless they are turned off', async () => {
  const metrics = createMetrics()
  assert.match(await metrics.text(), /process_resident_memory_bytes/)
  metrics.close()
  assert.doesNotMatch(await createMetrics({ process: false }).text(), /process_/)
})

test('a name outside the convention is misuse', () => {
  const metrics = createMetrics({ process: false })
  assert.throws(() => metrics.counter({ name: 'things', help: 'x' }), TypeError)
  assert.throws(() => metrics.counter({ name: 'shoal_things', help: 'x' }), TypeError)
})

test('a total kept elsewhere is shown as a counter', async () => {
  const metrics = createMetrics({ process: false })
  let bytes = 5
  metrics.total({ name: 'shoal_test_sent_bytes_total', help: 'Sent.', read: () => bytes })
  assert.match(await metrics.text(), /# TYPE shoal_test_sent_bytes_total counter\nshoal_test_sent_bytes_total 5/)
  bytes = 9
  assert.match(await metrics.text(), /shoal_test_sent_bytes_total 9/)
})
