import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { ClusterTrust, type RevocationList } from '@shoal/trust'
import { verifyPath } from '../src/chain-verifier.ts'
import { KnownPaths } from '../src/known-paths.ts'
import { forge, HOUR_MS, issueCredential, NOW, newAuthority } from './certificates.ts'

const authority = newAuthority()
const anchors = { authorities: [authority.certificate], domain: 'shoal' }

function chainOfNode(name: string) {
  return issueCredential(authority, { identity: { role: 'node', name } }).certificates
}

describe('a chain that was verified', () => {
  test('is not verified again, on whatever connection it is shown', () => {
    const known = new KnownPaths()
    const { certificates } = issueCredential(authority)
    const again = certificates.map(({ raw }) => new X509Certificate(raw))
    assert.equal(known.verify(certificates, anchors), known.verify(again, anchors))
  })

  test('is verified anew when other authorities are trusted', () => {
    const known = new KnownPaths()
    const { certificates } = issueCredential(authority)
    known.verify(certificates, anchors)
    const others = { ...anchors, authorities: [newAuthority().certificate] }
    assert.throws(() => known.verify(certificates, others), { code: 'SHOAL_TRUST_UNKNOWN_AUTHORITY' })
  })

  test('vouches for no other one', () => {
    const known = new KnownPaths()
    const [certificate] = chainOfNode('n1')
    assert.ok(certificate)
    known.verify([certificate], anchors)
    const forged = forge({ uris: ['spiffe://shoal/node/n1'] })
    for (const chain of [[forged.certificate], [forged.certificate, certificate], []])
      assert.throws(() => known.verify(chain, anchors), { name: 'ShoalError' })
  })

  test('gives way to others when there are many, that which was shown least recently first', () => {
    const known = new KnownPaths({ limit: 2 })
    const [first, second, third] = ['n1', 'n2', 'n3'].map(chainOfNode)
    assert.ok(first && second && third)
    const [one, two] = [known.verify(first, anchors), known.verify(second, anchors)]
    assert.equal(known.verify(first, anchors), one)
    known.verify(third, anchors)
    assert.equal(known.verify(first, anchors), one)
    assert.notEqual(known.verify(second, anchors), two)
    assert.deepEqual(known.verify(second, anchors).identity, verifyPath(second, anchors).identity)
  })

  test('is refused all the same once it is over or revoked', () => {
    const clock = new ManualClock(NOW)
    const own = { credential: issueCredential(authority), authorities: [authority.certificate], toleranceMs: 0 }
    const trust = new ClusterTrust({ clock }, own)
    const [brief, lasting] = [
      issueCredential(authority, { identity: { role: 'node', name: 'n2' }, lifetimeMs: HOUR_MS }).certificates,
      chainOfNode('n3'),
    ]
    for (const chain of [brief, lasting]) assert.equal(trust.verifyChain(chain).role, 'node')
    clock.advance(2 * HOUR_MS)
    assert.throws(() => trust.verifyChain(brief), { code: 'SHOAL_TRUST_EXPIRED' })
    const list: RevocationList = { revision: 1, nodes: [{ node: 'n3', until: NOW }], serials: [] }
    assert.equal(trust.verifyChain(lasting).name, 'n3')
    trust.setRevocations(list)
    assert.throws(() => trust.verifyChain(lasting), { code: 'SHOAL_TRUST_REVOKED' })
  })
})
