import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger, systemClock } from '@shoal/core'
import { RefusalLog } from '../../src/auth/refusal-log.ts'

test('the same from one host is told once a minute, with how often it came meanwhile', () => {
  const clock = { ...systemClock, time: 1_000_000, now: () => clock.time }
  const told: { repeated: number; reason: string }[] = []
  const log = new RefusalLog(clock, { ...silentLogger, warn: (fields: never) => void told.push(fields) } as never)
  const stranger = (port: number, host = '192.0.2.1') => {
    log.note({ kind: 'wire', reason: 'no-credential', address: `${host}:${port}`, node: null })
  }
  for (let port = 1000; port < 1100; port += 1) stranger(port)
  assert.equal(told.length, 1)
  stranger(1, '192.0.2.2')
  log.note({ kind: 'lane', reason: 'bad-proof', address: '192.0.2.1', node: null })
  assert.equal(told.length, 3)
  clock.time += 60_000
  stranger(2000)
  assert.equal(told.at(-1)?.repeated, 99)
})
