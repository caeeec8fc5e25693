import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import type { Digest } from '@shoal/core'
import { ManualClock } from '@shoal/core'
import { createMemoryState } from '@shoal/state'
import type { BootProfiles } from '../../src/boot-profiles/boot-profiles.ts'
import type { Catalogue } from '../../src/images/catalogue.ts'
import { Assignments } from '../../src/nodes/assignments.ts'
import { ordinaryClaim } from '../../src/nodes/claims.ts'
import { desiredState } from '../../src/nodes/desired-state.ts'
import { buildLayerRecord, knownLayers, layerDigest } from './known-layers.ts'

const [PLAIN, HOT, UNKNOWN] = [layerDigest(1), layerDigest(2), layerDigest(3)]
const NO_LIMITS = { crossRackBytesPerSecond: null, crossRackDownBytesPerSecond: null }

/** What is told a node that three layers are assigned to, of which two have a boot profile. */
async function tell() {
  const assignments = new Assignments({ state: createMemoryState(), clock: new ManualClock(1000) })
  await assignments.open()
  const claims = [PLAIN, HOT, UNKNOWN].map((layer) => [layer, ordinaryClaim(50, null)] as const)
  assignments.claim('plan-1', new Map([['n1', new Map(claims)]]))
  const catalogue = knownLayers([PLAIN, UNKNOWN])
  catalogue.layers.set(HOT, buildLayerRecord(HOT, { bootBytes: 40 }))
  const profiles: Pick<BootProfiles, 'ofLayer'> = {
    ofLayer: (layer: Digest) => (layer === UNKNOWN ? undefined : { image: 'web', revision: 7, bytes: 5 }),
  }
  return desiredState('n1', {
    ...{ assignments, profiles },
    catalogue: { ...catalogue, imagesOf: () => [] } as unknown as Catalogue,
    registry: { holders: () => [], toldMode: () => undefined, refused: () => [] },
    limits: { effective: { node: NO_LIMITS } } as never,
    rackShares: { ofNode: () => ({ up: null, down: null }) },
    trust: () => ({ keys: 0 }),
  })
}

test('a layer that does not begin with what a boot reads comes with the profile by which it is fetched', async () => {
  const { assignments } = await tell()
  deepEqual(
    assignments.map(({ layer, bootBytes, bootProfile }) => [layer, bootBytes, bootProfile]),
    [
      [PLAIN, 0, { image: 'web', revision: 7 }],
      [HOT, 40, undefined],
      [UNKNOWN, 0, undefined],
    ],
  )
})
