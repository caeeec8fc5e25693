import { BootRequest, DesiredState, Heartbeat, inventoryText, NodeRegistration, PrefetchRequest } from '@shoal/api'
import { SetDigest } from '@shoal/core'
import { type FuzzTarget, mustHold } from '@shoal/core/fuzz'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

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
]
