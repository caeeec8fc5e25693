import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operations } from '@shoal/api'
import { operationPaths, STREAM_PATH } from '../src/api/operation-paths.ts'

test('the operations of the pages are those of the API', () => {
  for (const [id, path] of Object.entries(operationPaths)) {
    const operation = operations[id as keyof typeof operationPaths]
    assert.equal(path, `${operation.method} ${operation.path}`)
  }
  assert.equal(STREAM_PATH, operations.streamDashboard.path)
})
