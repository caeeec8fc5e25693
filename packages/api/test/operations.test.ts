import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Operation, operations } from '@shoal/api'

const all: Operation[] = Object.values(operations)

interface Schema {
  type?: string
  description?: string
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  items?: Schema
  anyOf?: Schema[]
  enum?: unknown[]
  maxLength?: number
  maxItems?: number
  maxProperties?: number
  maximum?: number
  additionalProperties?: boolean
}

/** Every schema within a schema, with its path. */
function* within(schema: Schema, path: string): Generator<[string, Schema]> {
  yield [path, schema]
  for (const [key, child] of Object.entries(schema.properties ?? {})) yield* within(child, `${path}.${key}`)
  for (const child of Object.values(schema.patternProperties ?? {})) yield* within(child, `${path}.*`)
  for (const child of schema.anyOf ?? []) yield* within(child, path)
  if (schema.items !== undefined) yield* within(schema.items, `${path}[]`)
}

test('every operation is listed under its own id, and no two share method and path', () => {
  for (const [key, operation] of Object.entries(operations)) assert.equal(operation.id, key)
  assert.equal(new Set(all.map(({ method, path }) => `${method} ${path}`)).size, all.length)
})

test('the parameters of a path are those of its schema', () => {
  for (const { id, path, params } of all) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    assert.deepEqual(Object.keys((params as Schema | undefined)?.properties ?? {}), inPath, id)
  }
})

test('a request is bounded in every string, list and record, and refuses unknown keys', () => {
  for (const { id, params, query, body } of all) {
    for (const part of [params, query, body]) {
      if (part === undefined) continue
      assert.equal((part as Schema).additionalProperties, false, id)
      for (const [path, schema] of within(part as Schema, id)) {
        if (schema.type === 'string') assert.ok(schema.maxLength, path)
        if (schema.type === 'array') assert.ok(schema.maxItems, path)
        if (schema.type === 'integer') assert.ok(schema.maximum, path)
        if (schema.patternProperties) assert.ok(schema.maxProperties, path)
      }
    }
  }
})

test('every field of every request and answer is described', () => {
  for (const { id, params, query, body, response } of all) {
    for (const part of [params, query, body, response]) {
      for (const [key, schema] of Object.entries((part as Schema | undefined)?.properties ?? {})) {
        for (const [path, field] of within(schema, `${id}.${key}`)) {
          const isLeaf = field.properties === undefined && field.items === undefined && field.anyOf === undefined
          if (isLeaf && field.type !== 'null' && !path.includes('*')) assert.ok(field.description, path)
        }
      }
    }
  }
})

test('every operation but none by accident needs a role', () => {
  assert.deepEqual(
    all.filter(({ role }) => role === 'public').map(({ id }) => id),
    // Who signs in has no role yet; who signs out may have none any more; who joins has a token for that.
    ['signIn', 'showSignIn', 'signOut', 'join'],
  )
  const forNodes = all.filter(({ role }) => role === 'node').map(({ id }) => id)
  assert.deepEqual(forNodes.sort(), [
    'desiredState',
    'endBoot',
    'getBootProfile',
    'getGrant',
    'getManifest',
    'getTorrent',
    'heartbeat',
    'listKeys',
    'listRevocations',
    'recordBoot',
    'registerNode',
    'renewCredential',
    'wantBoot',
    'wantFile',
    'watchDesired',
  ])
})
