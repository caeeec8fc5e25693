import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { runInNova } from './harness/run-in-nova.ts'

const WEIGHER = join(import.meta.dirname, '../infra/nova/shoal_weigher')

test("the weigher's own tests pass inside Nova's code, and 1,000 hosts are weighed in under 5 ms", {
  timeout: 600_000,
}, async (t) => {
  const { stdout, stderr } = await runInNova(['-m', 'unittest', 'discover', '-s', 'tests', '-t', '.'], { cwd: WEIGHER })
  const [, count = '0'] = /^Ran ([0-9]+) tests? in/m.exec(stderr) ?? []
  assert.ok(Number(count) >= 30, stderr)
  assert.match(stderr, /^OK$/m)
  t.diagnostic(stdout.trim())
})
