import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { coreErrors, errorCode, errorFactory, errorMessage, parseNodeId, ShoalError } from '@shoal/core'

describe('ShoalError', () => {
  const make = errorFactory({ SHOAL_TEST_FAULT: { message: '{what} broke at {where}.', hint: 'Mend {what}.' } })

  test('has code, filled message and hint, details and cause', () => {
    const cause = new Error('below')
    const error = make('SHOAL_TEST_FAULT', { what: 'it' }, cause)
    assert.ok(error instanceof ShoalError)
    assert.equal(error.code, 'SHOAL_TEST_FAULT')
    assert.equal(error.message, 'it broke at unknown.')
    assert.equal(error.hint, 'Mend it.')
    assert.deepEqual(error.details, { what: 'it' })
    assert.equal(error.cause, cause)
    assert.equal('cause' in make('SHOAL_TEST_FAULT'), false)
  })

  test('every code of the table has a message and a hint that are sentences', () => {
    for (const [code, { message, hint }] of Object.entries(coreErrors)) {
      assert.match(code, /^SHOAL_[A-Z]+(_[A-Z]+)+$/)
      for (const text of [message, hint]) assert.match(text, /\.$/)
    }
  })

  test('code and message of anything thrown', () => {
    assert.equal(errorCode(Object.assign(new Error('x'), { code: 'ENOENT' })), 'ENOENT')
    for (const thrown of [new Error('x'), undefined, null, 'text', { code: 5 }])
      assert.equal(errorCode(thrown), undefined)
    assert.deepEqual(
      [errorMessage(new Error('x')), errorMessage('y'), errorMessage(undefined)],
      ['x', 'y', 'undefined'],
    )
  })
})

describe('parseNodeId', () => {
  test('takes host names and refuses the rest', () => {
    for (const name of ['a', '0', 'compute-01.rack-2.example', 'x'.repeat(253)]) assert.equal(parseNodeId(name), name)
    for (const name of ['', 'A', '-a', '.a', 'a b', 'a/b', 'a_b', 'ü', 'a\n', 'x'.repeat(254)]) {
      assert.throws(() => parseNodeId(name), { code: 'SHOAL_NODE_ID_INVALID' })
    }
  })
})
