import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AnnounceFacts, AnnounceGuard, proveAnnounce } from '../../src/auth/announce-proof.ts'
import { TestCluster } from './test-cluster.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const cluster = new TestCluster()
const n1 = cluster.node('n1').identity

function newFacts(change: Partial<AnnounceFacts> = {}): AnnounceFacts {
  const ids = { infoHash: randomBytes(20).toString('hex'), peerId: randomBytes(20).toString('hex') }
  return { ...ids, port: 7441, leftBytes: 123, event: 'started', ...change }
}

function newGuard() {
  const clock = { time: Date.now(), now: () => clock.time }
  return { clock, guard: new AnnounceGuard(cluster.seed('seed').identity, clock) }
}

function outcome(checked: ReturnType<AnnounceGuard['check']>): string {
  return 'name' in checked ? checked.name : checked.reason
}

test('an announce is taken once, from the node that signed it', () => {
  const { guard, clock } = newGuard()
  const facts = newFacts()
  const proof = proveAnnounce(n1, facts, clock.time)
  assert.equal(outcome(guard.check(proof, facts)), 'n1')
  assert.equal(outcome(guard.check(proof, facts)), 'replayed')
  assert.equal(outcome(guard.check(proveAnnounce(n1, facts, clock.time - 1), facts)), 'replayed')
  assert.equal(outcome(guard.check(proveAnnounce(n1, facts, clock.time + 1), facts)), 'n1')
  // Another layer's, or another peer id's, stands by itself.
  const others = newFacts()
  assert.equal(outcome(guard.check(proveAnnounce(n1, others, clock.time), others)), 'n1')
})

test('what was recorded long ago, or is from the future, is refused', () => {
  const { guard, clock } = newGuard()
  const facts = newFacts()
  for (const awayMs of [-6 * 60_000, 6 * 60_000]) {
    assert.equal(outcome(guard.check(proveAnnounce(n1, facts, clock.time + awayMs), facts)), 'stale')
  }
  // An announce is remembered for as long as it is not stale by itself.
  const proof = proveAnnounce(n1, facts, clock.time)
  assert.equal(outcome(guard.check(proof, facts)), 'n1')
  for (let minute = 0; minute < 5; minute += 1) {
    clock.time += 59_000
    const others = newFacts()
    guard.check(proveAnnounce(n1, others, clock.time), others)
    assert.equal(outcome(guard.check(proof, facts)), 'replayed')
  }
  clock.time += 10_000
  assert.equal(outcome(guard.check(proof, facts)), 'stale')
})

test('nothing that is signed can be said otherwise', () => {
  const { guard, clock } = newGuard()
  const facts = newFacts()
  const proof = proveAnnounce(n1, facts, clock.time)
  const changes: Partial<AnnounceFacts>[] = [
    { infoHash: 'ab'.repeat(20) },
    { peerId: 'ab'.repeat(20) },
    { port: 7442 },
    { leftBytes: 0 },
    { event: 'stopped' },
  ]
  for (const change of changes) assert.equal(outcome(guard.check(proof, { ...facts, ...change })), 'bad-proof')
})

test('no certificate, one of another cluster, a revoked one and somebody else’s are refused', () => {
  const { guard, clock } = newGuard()
  const facts = newFacts()
  assert.equal(outcome(guard.check(undefined, facts)), 'no-credential')
  const stranger = new TestCluster().node('n1').identity
  assert.equal(outcome(guard.check(proveAnnounce(stranger, facts, clock.time), facts)), 'unknown-authority')
  const chain = cluster.node('n2').trust.chain
  const thief = { ...n1, credential: () => ({ ...n1.credential(), chain }) }
  assert.equal(outcome(guard.check(proveAnnounce(thief, facts, clock.time), facts)), 'bad-proof')

  const own = new TestCluster()
  const seed = own.seed('seed').identity
  const { identity } = own.node('n9')
  const revoking = new AnnounceGuard(seed, clock)
  assert.equal(outcome(revoking.check(proveAnnounce(identity, facts, clock.time), facts)), 'n9')
  own.revoke('n9')
  assert.equal(outcome(revoking.check(proveAnnounce(identity, facts, clock.time + 1), facts)), 'revoked')
})

test('a proof is written in one way only', () => {
  const { guard, clock } = newGuard()
  const facts = newFacts()
  const right = proveAnnounce(n1, facts, clock.time)
  const lax = [`${right}=`, ` ${right}`, `${right.slice(0, 40)}\n${right.slice(40)}`, `${right}.`]
  // The bits of its last character that no octet takes: none, two or four.
  const left = (right.length * 6) % 8
  lax.push(left === 0 ? `${right}A` : right.slice(0, -1) + ALPHABET[ALPHABET.indexOf(right.at(-1) ?? '') + 1])
  for (const text of lax) assert.equal(outcome(guard.check(text, facts)), 'malformed', text.slice(-4))
  assert.equal(outcome(guard.check(right, facts)), 'n1')
})

test('any text is refused without harm', () => {
  const { guard, clock } = newGuard()
  const facts = newFacts()
  const right = proveAnnounce(n1, facts, clock.time)
  const anything = fc.oneof(
    fc.string({ maxLength: 2000 }),
    fc.uint8Array({ maxLength: 1200 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
    fc.tuple(fc.nat({ max: right.length - 1 }), fc.constantFrom(...'AZaz09-_')).map(([at, char]) => {
      return right.slice(0, at) + (right[at] === char ? '' : char) + right.slice(at + 1)
    }),
    fc.array(fc.string(), { maxLength: 3 }),
  )
  fc.assert(
    fc.property(anything, (text) => {
      // The text that was made from the right one by nothing is not among these.
      assert.notEqual(outcome(guard.check(text, facts)), 'n1')
    }),
    { numRuns: 1000 },
  )
  assert.equal(outcome(guard.check('A'.repeat(100_000), facts)), 'malformed')
  assert.equal(outcome(guard.check(right, facts)), 'n1')
})
