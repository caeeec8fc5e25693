import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { Pin } from '@shoal/cache'
import { type Digest, ManualClock } from '@shoal/core'
import { PinnedLayers } from '../../src/cache/pinned-layers.ts'

const [own, disk, machine, plan] = ['a', 'b', 'c', 'd'].map((digit) => `sha256:${digit.repeat(64)}` as Digest)

function pin(digest: Digest, kind: Pin['kind']): Pin {
  return { digest, kind, owner: 'somebody', since: 0, expiresAt: null }
}

test('operators, disks and machines pin; a plan alone does not, and processes are looked at now and then only', async () => {
  const clock = new ManualClock(1_700_000_000_000)
  let looks = 0
  let running = [machine]
  const pinned = new PinnedLayers({
    durable: { of: (digest) => (digest === own ? [pin(digest, 'operator')] : []) },
    pins: {
      of: (digest) => (digest === disk ? [pin(digest, 'disk')] : digest === plan ? [pin(digest, 'plan')] : []),
      users: async () => {
        looks += 1
        return new Map(running.map((digest) => [digest as Digest, [pin(digest as Digest, 'machine')]]))
      },
    },
    store: { layers: () => [] },
    clock,
  })
  const all = () => [own, disk, machine, plan].map((digest) => pinned.has(digest as Digest)).join(' ')
  equal(all(), 'true true false false')
  await pinned.look()
  equal(all(), 'true true true false')
  running = []
  await pinned.look()
  equal(looks, 1)
  clock.advance(30_000)
  await pinned.look()
  equal(all(), 'true true false false')
})
