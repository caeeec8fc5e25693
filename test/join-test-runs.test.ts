import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinTestRuns, type TestRunEvent } from '../infra/dev/join-test-runs.ts'

function counts(tests: number, failed: number): TestRunEvent[] {
  const own = [`tests ${tests}`, `pass ${tests - failed}`, `fail ${failed}`, 'duration_ms 10.5']
  const diagnostics = own.map((message) => ({ type: 'test:diagnostic', data: { nesting: 0, message, level: 'info' } }))
  return [...diagnostics, { type: 'test:summary', data: { success: failed === 0, counts: {} } }]
}

async function* replay(events: TestRunEvent[]) {
  yield* events
}

test('two runs end in one summary with the sums of both', async () => {
  const pass = { type: 'test:pass', data: { name: 'a', file: 'a.test.ts' } }
  const fail = { type: 'test:fail', data: { name: 'b', file: 'b.test.ts' } }
  const note = { type: 'test:diagnostic', data: { nesting: 0, message: 'tests 99', file: 'a.test.ts' } }
  const runs = [() => replay([pass, note, ...counts(3, 0)]), () => replay([fail, ...counts(2, 1)])]
  const joined: TestRunEvent[] = []
  for await (const event of joinTestRuns(runs)) joined.push(event)
  assert.deepEqual(joined.slice(0, 3), [pass, note, fail])
  assert.equal(joined[3]?.type, 'test:summary')
  const messages = joined.slice(4).map((event) => (event.data as { message: string }).message)
  assert.deepEqual(messages, ['tests 5', 'pass 4', 'fail 1', 'duration_ms 21'])
})
