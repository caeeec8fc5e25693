import assert from 'node:assert/strict'
import { it } from 'node:test'
import { apiErrors } from '@shoal/api'
import { ShoalError } from '@shoal/core'
import { serviceErrors } from '@shoal/service'
import { cliErrors } from '../src/errors.ts'
import { EXIT, exitCodeOf } from '../src/exit-code.ts'

const codeOf = (code: string) => exitCodeOf(new ShoalError(code, '', { hint: '' }))

it('maps every kind of error to the exit code that docs/cli.md names', () => {
  assert.equal(codeOf('SHOAL_IMAGE_UNKNOWN'), EXIT.notFound)
  assert.equal(codeOf('SHOAL_HTTP_FORBIDDEN'), EXIT.unauthorised)
  assert.equal(codeOf('SHOAL_API_TIMEOUT'), EXIT.unreachable)
  assert.equal(codeOf('SHOAL_CONFIG_INVALID'), EXIT.usage)
  assert.equal(codeOf('SHOAL_PLAN_UNKNOWN'), EXIT.notFound)
  assert.equal(codeOf('SHOAL_PLAN_TARGETS'), EXIT.usage)
  assert.equal(codeOf('SHOAL_RULE_CRON'), EXIT.usage)
  assert.equal(codeOf('SHOAL_PLAN_UNMET'), EXIT.incomplete)
  assert.equal(codeOf('SHOAL_HTTP_INTERNAL'), EXIT.failed)
  assert.equal(exitCodeOf(new TypeError('bug')), EXIT.failed)
  assert.equal(exitCodeOf(undefined), EXIT.failed)
})

it("gives each of the command line's own errors but a bug and a full disk an exit code other than 1", () => {
  const codes = Object.keys(cliErrors).filter((code) => code !== 'SHOAL_CLI_BUG' && code !== 'SHOAL_CLI_OUTPUT')
  for (const code of codes) assert.notEqual(codeOf(code), EXIT.failed, code)
})

it('names only codes that exist', () => {
  // Codes of the seed and the peers are covered where those services are tested.
  const known = { ...cliErrors, ...apiErrors, ...serviceErrors }
  for (const code of ['SHOAL_HTTP_UNAUTHORIZED', 'SHOAL_HTTP_NOT_FOUND', 'SHOAL_API_STREAM_CUT', 'SHOAL_CONFIG_FILE']) {
    assert.ok(code in known, code)
  }
})
