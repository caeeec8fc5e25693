import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { beforeEach, describe, test } from 'node:test'
import { encodeKeyStatement, encodePublicKey, ManualClock, silentLogger } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { KeyTrust } from '../src/key-trust.ts'
import { PeerRecords } from '../src/peer-records.ts'
import { fakeSeed } from './fake-seed.ts'
import { recordingLogger } from './recording-logger.ts'

const { signal } = new AbortController()
const DAY_MS = 86_400_000
const NOW = 1_700_000_000_000
const keys = Array.from({ length: 5 }, () => generateKeyPairSync('ed25519').privateKey)
const [k0, k1, k2, k3, stranger] = keys as [KeyObject, KeyObject, KeyObject, KeyObject, KeyObject]
const name = (key: KeyObject) => encodePublicKey(createPublicKey(key))
const names = (...of: KeyObject[]) => of.map(name)

function succession(by: KeyObject, next: KeyObject, serial: number, overlapMs = 7 * DAY_MS, madeAt = NOW): Uint8Array {
  const said = { kind: 'succession', serial, madeAt, until: madeAt + overlapMs } as const
  return encodeKeyStatement({ ...said, publicKey: name(next) }, by)
}

function retirement(by: KeyObject, of: KeyObject, serial: number): Uint8Array {
  return encodeKeyStatement({ kind: 'retirement', serial, madeAt: NOW, until: 0, publicKey: name(of) }, by)
}

/** A node whose seed says what the test says, over restarts. */
class Node {
  readonly clock = new ManualClock(NOW)
  readonly log = recordingLogger()
  readonly #state: StateStore = createMemoryState()
  statements: Uint8Array[] = []
  asked = 0

  async start(publicKey: string | null): Promise<KeyTrust> {
    const records = new PeerRecords({ state: this.#state, logger: silentLogger })
    const seed = fakeSeed({
      listKeys: async () => {
        this.asked += 1
        return { keys: [], statements: this.statements.map((one) => Buffer.from(one).toString('base64url')) }
      },
    })
    const deps = { seed, records, clock: this.clock, logger: this.log.logger }
    const trust = new KeyTrust(deps, { publicKey, seedUrl: 'http://seed' })
    await trust.open()
    return trust
  }
}

const trustedBy = (trust: KeyTrust) => trust.trusted.map(({ publicKey }) => publicKey)

describe('a node that trusts a signing key', () => {
  let node: Node
  beforeEach(() => {
    node = new Node()
  })

  test('takes the successor, and the old one beside it until its time is over', async () => {
    const trust = await node.start(name(k0))
    node.statements = [succession(k0, k1, 1, DAY_MS)]
    await trust.note(1, { signal })
    assert.deepEqual(trustedBy(trust), names(k1, k0))
    assert.equal(trust.keys().length, 2)
    node.clock.advance(DAY_MS)
    assert.deepEqual(trustedBy(trust), names(k1))
    assert.equal(trust.keys().length, 1)
  })

  test('knows it again after a restart, with the old key in the configuration still', async () => {
    const first = await node.start(name(k0))
    node.statements = [succession(k0, k1, 1, DAY_MS)]
    await first.refresh({ signal })
    assert.deepEqual(trustedBy(await node.start(name(k0))), names(k1, k0))
    node.clock.advance(2 * DAY_MS)
    assert.deepEqual(trustedBy(await node.start(name(k0))), names(k1))
  })

  test('does not trust a key again when the clock is set back', async () => {
    const trust = await node.start(name(k0))
    node.statements = [succession(k0, k1, 1, DAY_MS)]
    await trust.refresh({ signal })
    node.clock.advance(2 * DAY_MS)
    assert.deepEqual(trustedBy(trust), names(k1))
    await new Promise((resolve) => setImmediate(resolve))
    node.clock.set(NOW)
    const again = await node.start(name(k0))
    await again.refresh({ signal })
    assert.deepEqual(trustedBy(again), names(k1))
  })

  test('that missed two rotations follows both', async () => {
    const trust = await node.start(name(k0))
    node.clock.advance(30 * DAY_MS)
    node.statements = [succession(k0, k1, 1), succession(k1, k2, 2, DAY_MS, NOW + 29.5 * DAY_MS)]
    await trust.show(names(k2, k1), { signal })
    assert.deepEqual(trustedBy(trust), names(k2, k1))
    assert.deepEqual(node.log.codes('error'), [])
  })

  test('begins with the key that the seed shows first, wherever in the chain that is', async () => {
    const trust = await node.start(null)
    node.statements = [succession(k0, k1, 1), succession(k1, k2, 2)]
    await trust.show(names(k2, k1, k0), { signal })
    await trust.refresh({ signal })
    assert.deepEqual(trustedBy(trust), names(k2))
    node.statements.push(succession(k2, k3, 3))
    await trust.note(3, { signal })
    assert.deepEqual(trustedBy(trust), names(k3, k2))
    assert.deepEqual(trust.trusted[1]?.until, NOW + 7 * DAY_MS)
  })

  test('drops a key that is retired, and those before it, at once and for good', async () => {
    const trust = await node.start(name(k0))
    node.statements = [succession(k0, k1, 1), succession(k1, k2, 2)]
    await trust.refresh({ signal })
    assert.deepEqual(trustedBy(trust), names(k2, k1, k0))
    node.statements.push(retirement(k2, k1, 1))
    await trust.note(3, { signal })
    assert.deepEqual(trustedBy(trust), names(k2))
    await trust.refresh({ signal })
    assert.deepEqual(trustedBy(await node.start(name(k0))), names(k2))
  })

  test('takes no retirement by the key itself, by an older one, or by a stranger', async () => {
    const trust = await node.start(name(k0))
    node.statements = [succession(k0, k1, 1), retirement(k1, k1, 1), retirement(k0, k1, 1), retirement(stranger, k0, 0)]
    await trust.refresh({ signal })
    assert.deepEqual(trustedBy(trust), names(k1, k0))
  })

  test('takes no successor from a stranger, from a key that was followed already, or out of turn', async () => {
    const trust = await node.start(name(k0))
    node.statements = [succession(stranger, k1, 1)]
    assert.equal(await trust.refresh({ signal }), false)
    node.statements = [succession(k0, k1, 1)]
    assert.equal(await trust.refresh({ signal }), true)
    // Its private half was stolen before it was destroyed.
    node.statements = [succession(k0, stranger, 2)]
    assert.equal(await trust.refresh({ signal }), false)
    node.statements = [succession(k1, stranger, 3)]
    assert.equal(await trust.refresh({ signal }), false)
    assert.deepEqual(trustedBy(trust), names(k1, k0))
    assert.deepEqual(node.log.codes('error'), ['SHOAL_PEER_SEED_KEY'])
  })

  test('reports two successors of one key, and goes on with the first', async () => {
    const trust = await node.start(name(k0))
    node.statements = [succession(k0, k1, 1)]
    await trust.refresh({ signal })
    node.statements = [succession(k0, stranger, 1)]
    await trust.show(names(stranger), { signal })
    assert.deepEqual(trustedBy(trust), names(k1, k0))
    assert.deepEqual([...new Set(node.log.codes('error'))], ['SHOAL_PEER_SEED_KEY'])
  })

  test('never takes a key back that it trusted before', async () => {
    const trust = await node.start(name(k0))
    node.statements = [succession(k0, k1, 1, 0), succession(k1, k0, 2)]
    await trust.refresh({ signal })
    assert.deepEqual(trustedBy(trust), names(k1))
    // The old statements again, which a seed from an old backup would show.
    node.statements = []
    await trust.show(names(k0), { signal })
    assert.deepEqual(trustedBy(trust), names(k1))
  })

  test('that is told another key in its configuration begins anew with that', async () => {
    const trust = await node.start(name(k0))
    node.statements = [succession(k0, k1, 1)]
    await trust.refresh({ signal })
    assert.deepEqual(trustedBy(await node.start(name(k3))), names(k3))
  })

  test('asks when it is told of another number of statements, once, and not otherwise', async () => {
    const trust = await node.start(name(k0))
    await trust.note(0, { signal })
    await trust.note(0, { signal })
    assert.equal(node.asked, 1)
    node.statements = [succession(k0, k1, 1)]
    await Promise.all([trust.note(1, { signal }), trust.note(1, { signal })])
    assert.equal(node.asked, 2)
  })

  test('keeps what it trusts when the seed says what cannot be read', async () => {
    const trust = await node.start(name(k0))
    node.statements = [Buffer.alloc(168)]
    assert.equal(await trust.refresh({ signal }), false)
    assert.deepEqual(trustedBy(trust), names(k0))
  })
})
