import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageId } from '../src/image-id.ts'

test('an id is a UUID version 5 that depends on name and content', () => {
  const id = imageId('a.qcow2', 'ff')
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.equal(imageId('a.qcow2', 'ff'), id)
  assert.notEqual(imageId('b.qcow2', 'ff'), id)
  assert.notEqual(imageId('a.qcow2', 'fe'), id)
})
