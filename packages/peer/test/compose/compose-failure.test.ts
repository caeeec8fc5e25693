import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { composeFailure } from '../../src/compose/compose-failure.ts'
import { composeError } from '../../src/compose/errors.ts'

test('a full file system, a disk that fails and a coded error are told as what they are; a bug is not', () => {
  const failure = (error: unknown) => composeFailure(error, '/disks/disk')
  equal(failure(Object.assign(new Error('full'), { code: 'ENOSPC' }))?.code, 'SHOAL_COMPOSE_NO_SPACE')
  equal(failure(Object.assign(new Error('over quota'), { code: 'EDQUOT' }))?.details.path, '/disks')
  equal(failure(Object.assign(new Error('broken'), { code: 'EIO' }))?.code, 'SHOAL_COMPOSE_IO')
  const coded = composeError('SHOAL_COMPOSE_DISGUISED', { format: 'vmdk' })
  equal(failure(coded), coded)
  equal(failure(new TypeError('a bug')), undefined)
})
