import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Logger } from '@shoal/core'
import { createLog } from '@shoal/service'

function capture(level: 'debug' | 'info') {
  const lines: Record<string, unknown>[] = []
  const log: Logger = createLog({
    name: 't',
    level,
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  })
  return { log, lines }
}

test('an entry is one JSON line with name, level, time, fields and message', () => {
  const { log, lines } = capture('info')
  log.child({ component: 'store' }).info({ sizeBytes: 3 }, 'written')
  log.debug({}, 'not at this level')
  assert.equal(lines.length, 1)
  const [line] = lines
  assert.equal(line?.level, 'info')
  assert.equal(line?.component, 'store')
  assert.equal(line?.sizeBytes, 3)
  assert.equal(line?.msg, 'written')
  assert.match(String(line?.time), /^\d{4}-\d\d-\d\dT/)
})

test('tokens and passwords are redacted, also one level down', () => {
  const { log, lines } = capture('info')
  log.info({ token: 'hunter2', request: { authorization: 'Bearer hunter2' }, auth: { password: 'hunter2' } }, 'request')
  assert.ok(!JSON.stringify(lines).includes('hunter2'))
})

test('an error is logged with its code and cause', () => {
  const { log, lines } = capture('info')
  log.error({ error: Object.assign(new Error('outer', { cause: new Error('inner') }), { code: 'X' }) }, 'failed')
  assert.match(JSON.stringify(lines), /outer.*inner/s)
})
