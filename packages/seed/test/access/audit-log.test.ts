import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock, silentLogger } from '@shoal/core'
import type { AuditFact } from '@shoal/service'
import { createMemoryState } from '@shoal/state'
import { AuditLog } from '../../src/access/audit-log.ts'

function fact(outcome: AuditFact['outcome'], at = 0): AuditFact {
  const about = {
    actor: 'anonymous',
    action: 'status',
    subject: '',
    status: 401,
    code: null,
    address: '::1',
    requestId: '1',
  }
  return { at, outcome, ...about }
}

async function open(state = createMemoryState(), limit = 5000) {
  const audit = new AuditLog({ state, clock: new ManualClock(), logger: silentLogger }, { limit })
  await audit.open()
  return audit
}

it('somebody who is refused all the time does not push out what others did', async () => {
  const audit = await open()
  audit.note(fact('done'))
  for (let request = 0; request < 1000; request += 1) audit.note(fact('refused'))
  audit.note(fact('done'))
  assert.equal((await audit.list({ limit: 5000 })).length, 62)
  audit.note(fact('refused', 60_000))
  assert.deepEqual(
    (await audit.list({ limit: 500, outcome: 'done' })).map(({ skipped }) => skipped),
    [0, 940],
  )
})

it('keeps the newest entries up to its limit, and numbers them on over a restart', async () => {
  const state = createMemoryState()
  const audit = await open(state, 3)
  for (let at = 0; at < 5; at += 1) audit.note(fact('done', at))
  assert.deepEqual(
    (await audit.list({ limit: 10 })).map(({ id }) => id),
    [3, 4, 5],
  )
  const again = await open(state, 3)
  again.note(fact('done'))
  assert.deepEqual(
    (await again.list({ limit: 10 })).map(({ id }) => id),
    [4, 5, 6],
  )
})

it('entries that could not be written go with the next', async (t) => {
  const state = createMemoryState()
  const audit = await open(state)
  const { mock } = t.mock.method(state, 'batch', () => Promise.reject(new Error('disk full')))
  audit.note(fact('done'))
  await audit.flush()
  mock.restore()
  audit.note(fact('failed'))
  assert.deepEqual(
    (await audit.list({ limit: 10 })).map(({ id }) => id),
    [1, 2],
  )
})
