import { parse } from 'node:querystring'
import {
  BootRequest,
  CredentialRequest,
  DesiredState,
  Heartbeat,
  inventoryText,
  JoinRequest,
  NodeRegistration,
  type Operation,
  operations,
  PrefetchRequest,
} from '@shoal/api'
import { SetDigest } from '@shoal/core'
import { type FuzzTarget, mustHold } from '@shoal/core/fuzz'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'

const DIGEST = `sha256:${'a'.repeat(64)}`
const layer = {
  ...{ digest: DIGEST, state: 'complete', presentBytes: 100, sizeBytes: 100, fromOriginBytes: 1 },
  ...{ fromPeersBytes: 99, uploadedBytes: 5, peers: 2, error: null },
}
const inventory = {
  layers: [layer],
  ...{ diskFreeBytes: 1, diskUsedBytes: 0, downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0.5 },
}
const heartbeat = {
  inventory,
  events: [{ at: '2026-01-01T00:00:00Z', type: 'layer.failed', message: 'm', details: { layer: DIGEST } }],
  report: { sequence: 5, digest: 'b'.repeat(32), gone: [] },
  uses: [{ layer: DIGEST, uses: 2 }],
}
const registration = {
  ...{ zone: 'z1', rack: 'r1', swarmAddress: '10.0.0.1:7441', swarmPeerId: 'ab'.repeat(20), dhtAddress: null },
  ...{ apiUrl: null, capacityBytes: 1, version: '1' },
}
const IMAGE = '0b1d3c4e-6a52-4e0f-9d6e-0c8d5a5f7a11'
const desired = { revision: 5, assignments: [], revoked: [DIGEST], images: [{ image: IMAGE, layers: [DIGEST] }] }
const prefetch = { images: [{ image: IMAGE, nodes: ['n1'] }] }
const WORDS = ['null', '"', '{', '}', '[', ']', ',', '1e999', '-1', '"\\u0000"', '"__proto__":{}', DIGEST, 'true']

function body(name: string, schema: TSchema, sent: object, onTaken: (value: never) => void = () => {}): FuzzTarget {
  const compiled = Compile(schema)
  return {
    name,
    corpus: [Buffer.from(JSON.stringify(sent))],
    words: WORDS,
    execute: (input) => {
      let value: unknown
      try {
        value = JSON.parse(input.toString())
      } catch {
        return false
      }
      if (!compiled.Check(value)) return false
      onTaken(value as never)
      return true
    },
  }
}

/** What a peer's own API takes; each input is tried as the body of every operation. */
const PEER_BODIES: readonly (readonly [TSchema, object])[] = [
  [operations.prepareBoot.body, { image: IMAGE }],
  [operations.compose.body, { layer: DIGEST, format: 'raw' }],
  [operations.evictLayers.body, { bytes: 1_000_000, dryRun: true }],
  [operations.pinLayer.body, { owner: 'me', expiresAt: '2026-01-01T00:00:00Z' }],
  [operations.setCachePolicy.body, { policy: 'lru' }],
]

function peerBodies(): FuzzTarget {
  const compiled = PEER_BODIES.map(([schema]) => Compile(schema))
  return {
    name: 'peer-bodies',
    corpus: PEER_BODIES.map(([, sent]) => Buffer.from(JSON.stringify(sent))),
    words: [...WORDS, '"raw"', '"qcow2"'],
    execute: (input) => {
      let value: unknown
      try {
        value = JSON.parse(input.toString())
      } catch {
        return false
      }
      return compiled.filter((schema) => schema.Check(value)).length > 0
    },
  }
}

/** The part of an address behind the question mark, as the service reads it: parsed, converted, checked. */
function queries(): FuzzTarget {
  const schemas = Object.values<Operation>(operations).flatMap(({ query }) => (query === undefined ? [] : [query]))
  const compiled = schemas.map((schema) => [schema, Compile(schema)] as const)
  const corpus = [
    'limit=10&after=5&actor=token',
    'layer=sha256:00&node=n1&state=ready',
    'owner=me',
    'outcome=refused&limit=1',
  ]
  return {
    name: 'request-query',
    corpus: corpus.map((text) => Buffer.from(text)),
    words: [
      '&',
      '=',
      '%',
      '%00',
      '%ff',
      '[]',
      '__proto__=1',
      'constructor=1',
      'limit=',
      '1e999',
      '-0',
      'true',
      ';',
      '+',
    ],
    execute: (input) => {
      const parsed = parse(input.toString('latin1'))
      // One of them for each input, by what it ends with: the same for the same input.
      const [schema, check] = compiled[(input.at(-1) ?? 0) % compiled.length] ?? assertNever()
      const taken = check.Check(Value.Convert(schema, { ...parsed }))
      mustHold(!('1' in {}) && Object.keys(Object.prototype).length === 0, 'the prototype of all objects is another')
      return taken
    },
  }
}

function assertNever(): never {
  throw new TypeError('no operation has a query')
}

export const fuzzTargets: readonly FuzzTarget[] = [
  body('heartbeat-body', Heartbeat, heartbeat, ({ inventory: told }: Heartbeat) => {
    const digest = new SetDigest()
    for (const one of told.layers) digest.toggle(inventoryText(one))
    mustHold(/^[0-9a-f]+$/.test(digest.hex), 'a digest that is none')
  }),
  body('registration-body', NodeRegistration, registration),
  body('desired-state', DesiredState, desired),
  body('prefetch-body', PrefetchRequest, prefetch),
  body('boot-body', BootRequest, { image: IMAGE }),
  body('join-body', JoinRequest, { token: 'shoal-join.0.a.b', node: 'n1', request: 'PEM' }),
  body('credential-body', CredentialRequest, { request: 'PEM' }),
  peerBodies(),
  queries(),
]
