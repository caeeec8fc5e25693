import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { it } from 'node:test'
import { type Operation, operations } from '@shoal/api'
import type { Logger } from '@shoal/core'
import { askAsWritten } from '../../../../test/harness/ask-as-written.ts'
import { createFixture } from '../seed-fixture.ts'

/** Percent-encoded, what would lead a file name, a key of the state or a line of the log astray where it were taken for one. */
const HOSTILE = [
  '..%2f..%2fetc%2fpasswd',
  '%2e%2e',
  '%2fetc%2fpasswd',
  '..%5c..%5cx',
  'a%00',
  '%252e%252e%252f',
  'a%0d%0ax',
]

it('no name in a path leads a seed astray, and each that tries is logged with its code and where it came from', async (t) => {
  const fixture = await createFixture(t, { 'listen.requestsPerSecond': '100000' })
  const lines: { status?: number; code?: string; address?: string; path?: string }[] = []
  const quiet = () => {}
  const info = (facts: object, message: string) => {
    if (message === 'request') lines.push(facts)
  }
  const logger: Logger = { debug: quiet, info, warn: quiet, error: quiet, child: () => logger }
  const seed = await fixture.start({ logger })
  const headers = { authorization: `Bearer ${seed.operatorToken}`, 'content-type': 'application/json' }
  const before = await readdir(fixture.directory, { recursive: true })
  let tried = 0
  for (const { id, method, path } of Object.values<Operation>(operations)) {
    if (!path.includes('{')) continue
    for (const name of HOSTILE) {
      const body = method === 'GET' || method === 'DELETE' ? {} : { body: '{}' }
      const asked = path.replaceAll(/\{\w+\}/g, name)
      const { status, text } = await askAsWritten(seed.url, asked, { method, headers, ...body })
      assert.ok(status === 400 || status === 404, `${id} of ${name}: ${status}`)
      const { code } = (JSON.parse(text) as { error: { code: string } }).error
      const line = lines.at(-1)
      assert.deepEqual([line?.status, line?.code, line?.address], [status, code, '127.0.0.1'])
      assert.ok(!/[\0\r\n]/.test(line?.path ?? ''))
      tried += 1
    }
  }
  assert.ok(tried > 200, `${tried} names`)
  const isState = (path: string) => /seed\/state|lost\+found/.test(path)
  const after = await readdir(fixture.directory, { recursive: true })
  assert.deepEqual(
    after.filter((path) => !isState(path) && !before.includes(path)),
    [],
  )
})
