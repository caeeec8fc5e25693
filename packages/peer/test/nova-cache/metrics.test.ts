import { match } from 'node:assert/strict'
import { test } from 'node:test'
import { createMetrics } from '@shoal/service'
import { newEntry, viewOf } from '../../src/nova-cache/base-entry.ts'
import { registerNovaCacheMetrics } from '../../src/nova-cache/metrics.ts'

test('base files are counted by their state, and what went wrong with them', async (t) => {
  const metrics = createMetrics({ process: false })
  t.after(() => metrics.close())
  const bases = ['placed', 'placed', 'leaving'].map((state, index) => {
    const view = viewOf(newEntry(`image-${index}`), { path: '/base', format: 'raw' })
    return { ...view, state: state as typeof view.state }
  })
  registerNovaCacheMetrics(metrics, { list: () => bases, failures: 2, lost: 3, writtenBytes: 4096 })
  const text = await metrics.text()
  match(text, /^shoal_nova_base_files\{state="placed"\} 2$/m)
  match(text, /^shoal_nova_base_files\{state="leaving"\} 1$/m)
  match(text, /^shoal_nova_base_files\{state="failed"\} 0$/m)
  match(text, /^shoal_nova_base_failures_total 2$/m)
  match(text, /^shoal_nova_base_lost_total 3$/m)
  match(text, /^shoal_nova_base_written_bytes_total 4096$/m)
})
