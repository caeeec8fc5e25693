import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { type Digest, errorFactory, ManualClock, silentLogger } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { encodeLayerGrant, LAYER_GRANT_MS, layerGrantEnd } from '@shoal/swarm'
import { PeerRecords } from '../../src/peer-records.ts'
import type { SignatureTrust } from '../../src/signature-trust.ts'
import { LayerGrants } from '../../src/trust/layer-grants.ts'
import { fakeSeed } from '../fake-seed.ts'

const NOW = 1_700_000_000_000
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const next = generateKeyPairSync('ed25519')
const fail = errorFactory({
  SHOAL_LAYER_NOT_ASSIGNED: { message: 'm', hint: 'h' },
  SHOAL_API_UNREACHABLE: { message: 'm', hint: 'h' },
})
const layer = (name: string) => ({ digest: `sha256:${name.repeat(64)}` as Digest, infoHash: name.repeat(40) })
const [A, B] = [layer('a'), layer('b')]

/** A seed that gives grants, and the keeper of a node; `random` 0 spreads nothing. */
async function setUp({
  state = createMemoryState(),
  clock = new ManualClock(NOW),
}: {
  state?: StateStore
  clock?: ManualClock
} = {}) {
  const asked: string[] = []
  const faults = new Map<string, Parameters<typeof fail>[0]>()
  const seed = fakeSeed({
    getGrant: async ({ params }) => {
      asked.push(params.layer)
      const fault = faults.get(params.layer)
      if (fault !== undefined) throw fail(fault)
      const infoHash = params.layer.slice(-40)
      return encodeLayerGrant({ node: 'n1', infoHash }, clock.now() + LAYER_GRANT_MS, signer.privateKey)
    },
  })
  const records = new PeerRecords({ state, logger: silentLogger })
  const signer = { privateKey, trusted: [publicKey] as readonly KeyObject[], follows: [] as KeyObject[] }
  const trust: SignatureTrust = {
    keys: () => signer.trusted,
    refresh: async () => {
      signer.trusted = [...signer.follows, ...signer.trusted]
      return true
    },
  }
  const grants = new LayerGrants({ seed, records, trust, clock, random: () => 0, logger: silentLogger })
  await grants.open()
  return { clock, state, asked, faults, grants, signer }
}

/** Runs the keeper, and gives a step of the clock after which it has looked. */
function running(grants: LayerGrants, clock: ManualClock, wanted: () => Iterable<typeof A>) {
  const stop = new AbortController()
  let looks = 0
  const counted = () => {
    looks += 1
    return wanted()
  }
  const run = grants.run(counted, stop).catch(() => {})
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  const rests = async () => {
    for (let turn = 0; turn < 10; turn += 1) await settled()
  }
  const step = async (move: number | (() => void)) => {
    await rests()
    const before = looks
    if (typeof move === 'number') clock.advance(move)
    else move()
    while (looks === before) await settled()
    await rests()
  }
  const end = async () => {
    stop.abort()
    await run
  }
  return { step, end }
}

test('a grant is asked for once, and the same after a restart', async () => {
  const { grants, asked, state, clock } = await setUp()
  const { signal } = new AbortController()
  assert.equal(grants.has(A.infoHash), false)
  await Promise.all([grants.obtain(A, { signal }), grants.obtain(A, { signal })])
  await grants.obtain(A, { signal })
  assert.deepEqual(asked, [A.digest])
  assert.equal(grants.has(A.infoHash), true)
  const again = await setUp({ state, clock })
  assert.deepEqual(again.grants.own(A.infoHash), grants.own(A.infoHash))
  await again.grants.obtain(A, { signal })
  assert.deepEqual(again.asked, [])
})

test('grants of wanted layers are renewed at half of their life, others end', async () => {
  const { grants, asked, clock, state } = await setUp()
  const { signal } = new AbortController()
  await grants.obtain(A, { signal })
  await grants.obtain(B, { signal })
  const { step, end } = running(grants, clock, () => [A])
  await step(12 * HOUR_MS - MINUTE_MS)
  assert.deepEqual(asked, [A.digest, B.digest])
  await step(2 * MINUTE_MS)
  assert.deepEqual(asked, [A.digest, B.digest, A.digest])
  assert.ok((layerGrantEnd(grants.own(A.infoHash) ?? Buffer.alloc(0)) ?? 0) > NOW + 36 * HOUR_MS)
  await step(13 * HOUR_MS)
  assert.deepEqual([grants.has(A.infoHash), grants.own(B.infoHash)], [true, undefined])
  await end()
  const again = await setUp({ state, clock })
  assert.equal(again.grants.own(B.infoHash), undefined)
})

test('a grant of a key that is not trusted any more is replaced, by one of a key that the node learns of with it', async () => {
  const { grants, asked, signer } = await setUp()
  const { signal } = new AbortController()
  await grants.obtain(A, { signal })
  signer.trusted = [...signer.trusted]
  assert.equal(grants.has(A.infoHash), true)
  // Rotated and retired: the node has heard of neither when it is given a grant of the new key.
  signer.privateKey = next.privateKey
  signer.follows = [next.publicKey]
  await grants.obtain(B, { signal })
  assert.deepEqual([grants.has(A.infoHash), grants.has(B.infoHash)], [true, true])
  signer.trusted = [next.publicKey]
  assert.deepEqual([grants.has(A.infoHash), grants.own(A.infoHash)], [false, undefined])
  await grants.obtain(A, { signal })
  assert.deepEqual(asked, [A.digest, B.digest, A.digest])
  assert.equal(grants.has(A.infoHash), true)
})

test('a seed that is away costs no grant before its end, and one that refuses is asked once a minute', async () => {
  const { grants, asked, faults, clock } = await setUp()
  await grants.obtain(A, { signal: new AbortController().signal })
  faults.set(A.digest, 'SHOAL_API_UNREACHABLE')
  faults.set(B.digest, 'SHOAL_LAYER_NOT_ASSIGNED')
  const { step, end } = running(grants, clock, () => [B, A])
  await step(13 * HOUR_MS)
  assert.equal(grants.has(A.infoHash), true)
  asked.length = 0
  for (let ring = 0; ring < 5; ring += 1) {
    await step(() => grants.notice())
  }
  assert.deepEqual(
    asked.filter((digest) => digest === B.digest),
    [],
  )
  await step(MINUTE_MS)
  assert.equal(asked.filter((digest) => digest === B.digest).length, 1)
  faults.clear()
  await step(MINUTE_MS)
  assert.equal(grants.has(B.infoHash), true)
  await end()
})
