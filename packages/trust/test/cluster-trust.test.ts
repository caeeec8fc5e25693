import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, test } from 'node:test'
import { ManualClock } from '@shoal/core'
import { ClusterTrust, createCredential, encodeChain, NO_REVOCATIONS } from '@shoal/trust'
import { buildCertificate } from '../src/build-certificate.ts'
import { type CredentialOptions, forge, HOUR_MS, issueCredential, NOW, newAuthority } from './certificates.ts'

const authority = newAuthority()
const transcript = Buffer.from('both names, both nonces, this connection')

function trustOf(options?: CredentialOptions, clock = new ManualClock(NOW), of = authority): ClusterTrust {
  return new ClusterTrust(
    { clock },
    { credential: issueCredential(of, options), authorities: [of.certificate], toleranceMs: 0 },
  )
}

describe('proof of possession', () => {
  test('tells who is at the other end', () => {
    const n1 = trustOf()
    const n2 = trustOf({ identity: { role: 'node', name: 'n2' } })
    assert.deepEqual(n2.verify(n1.chain, transcript, n1.sign(transcript)), { role: 'node', name: 'n1' })
    assert.deepEqual(n1.verify(n2.chain, transcript, n2.sign(transcript)), { role: 'node', name: 'n2' })
  })

  test('fails with the key of another, with another transcript, and with a changed signature', () => {
    const n1 = trustOf()
    const thief = trustOf({ identity: { role: 'node', name: 'n2' } })
    const refuse = (signature: Uint8Array, of: Uint8Array = transcript) =>
      assert.throws(() => thief.verify(n1.chain, of, signature), { code: 'SHOAL_TRUST_PROOF' })
    refuse(thief.sign(transcript))
    refuse(n1.sign(transcript), Buffer.from('another connection'))
    refuse(new Uint8Array())
    const signature = Buffer.from(n1.sign(transcript))
    signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1
    refuse(signature)
  })

  test('works with RSA and Ed25519 keys of an operator', () => {
    const root = forge({ commonName: 'root', authority: { pathLength: 0 } })
    for (const pair of [generateKeyPairSync('rsa', { modulusLength: 2048 }), generateKeyPairSync('ed25519')]) {
      const description = { commonName: 'n', notBefore: NOW, notAfter: NOW + HOUR_MS, uris: ['spiffe://shoal/node/n3'] }
      const certificate = buildCertificate({ ...description, publicKey: pair.publicKey }, root)
      const credential = createCredential(pair.privateKey, [certificate])
      const trust = new ClusterTrust({ clock: new ManualClock(NOW) }, { credential, authorities: [root.certificate] })
      assert.deepEqual(trust.verify(trust.chain, transcript, trust.sign(transcript)), { role: 'node', name: 'n3' })
    }
  })

  test('refuses chains that are cut off, too long or not certificates, and never crashes', () => {
    const n1 = trustOf()
    const chain = Buffer.from(n1.chain)
    const five = encodeChain(
      Array.from({ length: 5 }, () => issueCredential(authority).certificates[0]).flatMap((c) => c ?? []),
    )
    const wrong = [Buffer.alloc(0), Buffer.from('hello'), Buffer.alloc(20_000, 0x30), chain.subarray(0, -1), five]
    const signature = n1.sign(transcript)
    for (const each of wrong) {
      assert.throws(() => n1.verify(each, transcript, signature), { code: 'SHOAL_TRUST_MALFORMED' })
    }
    for (let at = 0; at < chain.length; at += 1) {
      const changed = Buffer.from(chain)
      changed[at] = (changed[at] ?? 0) ^ 4
      assert.throws(() => n1.verify(changed, transcript, signature), /./, `byte ${at}`)
    }
  })
})

describe('what a daemon trusts changes while it runs', () => {
  test('a credential is replaced, and the old one is taken until it is over', () => {
    const clock = new ManualClock(NOW)
    const n1 = trustOf({ lifetimeMs: HOUR_MS }, clock)
    const n2 = trustOf({ identity: { role: 'node', name: 'n2' } }, clock)
    const old = { chain: n1.chain, signature: n1.sign(transcript) }
    let changes = 0
    n1.onChange(() => {
      changes += 1
    })
    clock.advance(HOUR_MS / 2)
    n1.replace(issueCredential(authority, { notBefore: clock.now() }))
    assert.equal(changes, 1)
    assert.ok(n2.verify(n1.chain, transcript, n1.sign(transcript)))
    assert.ok(n2.verify(old.chain, transcript, old.signature))
    clock.advance(HOUR_MS)
    assert.ok(n2.verify(n1.chain, transcript, n1.sign(transcript)))
    assert.throws(() => n2.verify(old.chain, transcript, old.signature), { code: 'SHOAL_TRUST_EXPIRED' })
  })

  test('a credential of another cluster replaces nothing', () => {
    const n1 = trustOf()
    const { chain } = n1
    assert.throws(() => n1.replace(issueCredential(newAuthority())), { code: 'SHOAL_TRUST_UNKNOWN_AUTHORITY' })
    assert.equal(n1.chain, chain)
    assert.ok(n1.verify(n1.chain, transcript, n1.sign(transcript)))
  })

  test('authorities overlap while an operator changes them', () => {
    const next = newAuthority()
    const before = trustOf()
    const moved = trustOf({ identity: { role: 'node', name: 'n2' } }, new ManualClock(NOW), next)
    assert.throws(() => before.verify(moved.chain, transcript, moved.sign(transcript)))
    before.replace(before.credential, [authority.certificate, next.certificate])
    assert.deepEqual(before.verify(moved.chain, transcript, moved.sign(transcript)), { role: 'node', name: 'n2' })
  })

  test('what is revoked is refused at once', () => {
    const n1 = trustOf()
    const n2 = trustOf({ identity: { role: 'node', name: 'n2' } })
    n2.setRevocations({ ...NO_REVOCATIONS, revision: 1, nodes: [{ node: 'n1', until: NOW }] })
    assert.throws(() => n2.verify(n1.chain, transcript, n1.sign(transcript)), { code: 'SHOAL_TRUST_REVOKED' })
  })
})
