import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ShoalError } from '@shoal/core'
import { createHealth } from '@shoal/service'

test('a service without checks is ready until it drains', async () => {
  const health = createHealth()
  assert.deepEqual(await health.report(), { ready: true, checks: [], notes: [] })
  health.drain()
  assert.equal((await health.report()).ready, false)
})

test('one failed check makes the service not ready and is named with its code', async () => {
  const health = createHealth()
  health.register('state', () => {})
  health.register('library', async () => {
    throw new ShoalError('SHOAL_TEST', 'down', { hint: 'wait' })
  })
  const report = await health.report()
  assert.equal(report.ready, false)
  assert.deepEqual(report.checks, [
    { name: 'state', ok: true },
    { name: 'library', ok: false, code: 'SHOAL_TEST', message: 'down' },
  ])
  health.unregister('library')
  assert.equal((await health.report()).ready, true)
})

test('a check that does not answer counts as failed, and is told to stop', async () => {
  const health = createHealth({ timeoutMs: 10 })
  let aborted = false
  health.register('stuck', (signal) => {
    signal.addEventListener('abort', () => {
      aborted = true
    })
    return new Promise(() => {})
  })
  assert.equal((await health.report()).ready, false)
  assert.ok(aborted)
})
