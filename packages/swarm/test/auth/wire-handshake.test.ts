import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { systemClock } from '@shoal/core'
import fc from 'fast-check'
import type { SwarmIdentity } from '../../src/auth/swarm-identity.ts'
import { type ProvenPeer, WireHandshake, type WireSession } from '../../src/auth/wire-handshake.ts'
import { TestCluster } from './test-cluster.ts'

const hex = (bytes: number) => randomBytes(bytes).toString('hex')

/** Both ends of one connection. */
function newSession(): { initiator: WireSession; acceptor: WireSession } {
  const [infoHash, one, other] = [hex(20), hex(20), hex(20)]
  return {
    initiator: { isInitiator: true, infoHash, ownPeerId: one, otherPeerId: other },
    acceptor: { isInitiator: false, infoHash, ownPeerId: other, otherPeerId: one },
  }
}

const cluster = new TestCluster()
const n1 = cluster.node('n1').identity
const n2 = cluster.node('n2').identity

function begin(one: SwarmIdentity = n1, other: SwarmIdentity = n2, session = newSession()) {
  const a = new WireHandshake(one, session.initiator)
  const b = new WireHandshake(other, session.acceptor)
  return { a, b }
}

const bytesOf = (proof: Buffer | string): Buffer => (typeof proof === 'string' ? assert.fail(proof) : proof)
const provenOf = (peer: ProvenPeer | string): ProvenPeer => (typeof peer === 'string' ? assert.fail(peer) : peer)

test('both sides learn who the other is, and have keys that nobody else has', () => {
  const { a, b } = begin()
  const [proofA, proofB] = [bytesOf(a.onHello(b.hello)), bytesOf(b.onHello(a.hello))]
  const [ofA, ofB] = [provenOf(a.onProof(proofB)), provenOf(b.onProof(proofA))]
  assert.deepEqual([ofA.holder.name, ofA.holder.role, ofB.holder.name], ['n2', 'node', 'n1'])
  assert.deepEqual([ofA.sends, ofA.receives], [ofB.receives, ofB.sends])
  assert.notDeepEqual(ofA.sends, ofA.receives)
})

test('the keys of two connections between the same daemons have nothing in common', () => {
  const session = newSession()
  const keys = [1, 2].map(() => {
    const { a, b } = begin(n1, n2, session)
    bytesOf(a.onHello(b.hello))
    return provenOf(a.onProof(bytesOf(b.onHello(a.hello)))).sends.key.toString('hex')
  })
  assert.notEqual(keys[0], keys[1])
})

test('a proof from another connection, of the same daemons about the same layer, is refused', () => {
  const session = newSession()
  const first = begin(n1, n2, session)
  const recorded = bytesOf(first.b.onHello(first.a.hello))
  const second = begin(n1, n2, session)
  // What n2 said then, said again to n1: its nonce is another now.
  bytesOf(second.a.onHello(first.b.hello))
  assert.equal(second.a.onProof(recorded), 'bad-proof')
})

test('a proof for another layer, another peer id or the other direction is refused', () => {
  const session = newSession()
  const others: WireSession[] = [
    { ...session.acceptor, infoHash: hex(20) },
    { ...session.acceptor, ownPeerId: hex(20) },
    { ...session.acceptor, otherPeerId: hex(20) },
    { ...session.acceptor, isInitiator: true },
  ]
  for (const other of others) {
    const a = new WireHandshake(n1, session.initiator)
    const b = new WireHandshake(n2, other)
    bytesOf(a.onHello(b.hello))
    assert.equal(a.onProof(bytesOf(b.onHello(a.hello))), 'bad-proof')
  }
})

test('what we said ourselves is refused when it comes back', () => {
  const { a, b } = begin()
  assert.equal(a.onHello(a.hello), 'reflected')
  // Our proof on a connection where the other side shows its own hello.
  const other = begin()
  const ours = bytesOf(other.a.onHello(b.hello))
  assert.equal(other.a.onProof(ours), 'bad-proof')
})

test('who shows the certificate of another node without its key is refused', () => {
  const chain = cluster.node('n3').trust.chain
  const thief: SwarmIdentity = { ...n2, credential: () => ({ ...n2.credential(), chain }) }
  const { a, b } = begin(n1, thief)
  bytesOf(a.onHello(b.hello))
  assert.equal(a.shown?.name, 'n3')
  assert.equal(a.onProof(bytesOf(b.onHello(a.hello))), 'bad-proof')
})

test('whoever stands between and puts in its own key is refused by both', () => {
  const { a, b } = begin()
  const changed = (hello: Buffer) => Buffer.concat([hello.subarray(0, 36), randomBytes(32), hello.subarray(68)])
  const proofA = bytesOf(a.onHello(changed(b.hello)))
  const proofB = bytesOf(b.onHello(changed(a.hello)))
  assert.equal(a.onProof(proofB), 'bad-proof')
  assert.equal(b.onProof(proofA), 'bad-proof')
})

test('a key that would give everybody the same secret is refused', () => {
  const { a, b } = begin()
  const zero = Buffer.concat([b.hello.subarray(0, 36), Buffer.alloc(32), b.hello.subarray(68)])
  assert.equal(a.onHello(zero), 'malformed')
})

test('a credential of another cluster, one whose time is over, and a revoked one are refused', () => {
  const stranger = new TestCluster().node('n2').identity
  assert.equal(begin(n1, stranger).a.onHello(begin(n1, stranger).b.hello), 'unknown-authority')

  const clock = { ...systemClock, time: Date.now(), now: () => clock.time }
  const moved = new TestCluster({ clock })
  const [one, other] = [moved.node('n1').identity, moved.node('n2').identity]
  const { a, b } = begin(one, other)
  const holder = bytesOf(a.onHello(b.hello)) && a.shown
  assert.equal(holder?.lapsed(), undefined)
  moved.revoke('n2')
  assert.equal(holder?.lapsed(), 'revoked')
  assert.equal(begin(one, other).a.onHello(b.hello), 'revoked')

  const others = new TestCluster({ clock })
  const third = others.node('n1').identity
  const late = begin(third, others.node('n2').identity)
  bytesOf(late.a.onHello(late.b.hello))
  clock.time += 2 * 3_600_000
  assert.equal(late.a.shown?.lapsed(), 'expired')
  assert.equal(begin(third).a.onHello(late.b.hello), 'expired')
})

test('a hello or proof that comes twice, before its time or too long is refused', () => {
  const { a, b } = begin()
  assert.equal(a.onProof(randomBytes(70)), 'malformed')
  const proof = bytesOf(b.onHello(a.hello))
  bytesOf(a.onHello(b.hello))
  assert.equal(a.onHello(b.hello), 'malformed')
  assert.equal(a.onProof(Buffer.alloc(0)), 'malformed')
  assert.equal(a.onProof(Buffer.concat([proof, Buffer.alloc(600)])), 'malformed')
  assert.equal(a.onProof(Buffer.concat([proof, Buffer.alloc(1)])), 'bad-proof')
})

test('no hello and no proof makes it throw, or is taken, but the right one', () => {
  const { a, b } = begin()
  const proof = bytesOf(b.onHello(a.hello))
  const session = newSession().initiator
  const anyHello = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc.tuple(fc.nat({ max: b.hello.length - 1 }), fc.integer({ min: 1, max: 255 })).map(([at, change]) => {
      const changed = Buffer.from(b.hello)
      changed[at] = (changed[at] ?? 0) ^ change
      return changed
    }),
  )
  fc.assert(
    fc.property(anyHello, (hello) => {
      const handshake = new WireHandshake(n1, session)
      const answer = handshake.onHello(hello)
      assert.ok(typeof answer === 'string' || handshake.onProof(proof) === 'bad-proof')
    }),
    { numRuns: 300 },
  )
  bytesOf(a.onHello(b.hello))
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (any) => {
      assert.ok(['bad-proof', 'malformed'].includes(a.onProof(any) as string))
    }),
    { numRuns: 300 },
  )
  provenOf(a.onProof(proof))
})
