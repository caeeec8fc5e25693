import assert from 'node:assert/strict'
import type { X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import { type ChainVerification, NO_REVOCATIONS, type RevocationList, Revocations, verifyChain } from '@shoal/trust'
import { forge, HOUR_MS, issueCredential, NOW, newAuthority } from './certificates.ts'

const authority = newAuthority()
const root = forge({ commonName: 'root', authority: { pathLength: 1 } })
const uris = ['spiffe://shoal/node/n7']

function verify(chain: readonly X509Certificate[], changes: Partial<ChainVerification> = {}) {
  const options = {
    authorities: [authority.certificate, root.certificate],
    domain: 'shoal',
    revocations: new Revocations(),
    now: NOW,
    toleranceMs: 0,
  }
  return verifyChain(chain, { ...options, ...changes }).identity
}

function refuses(code: string, chain: readonly X509Certificate[], changes?: Partial<ChainVerification>): void {
  assert.throws(() => verify(chain, changes), { code })
}

describe('a chain is taken', () => {
  test('from the embedded authority, with or without its own certificate', () => {
    const { certificates } = issueCredential(authority)
    assert.deepEqual(verify(certificates), { role: 'node', name: 'n1' })
    assert.deepEqual(verify([...certificates, authority.certificate]), { role: 'node', name: 'n1' })
  })

  test("through an operator's intermediate authority, in any order behind the holder", () => {
    const between = forge({ commonName: 'between', authority: { pathLength: 0 } }, root)
    const holder = forge({ uris }, between)
    assert.deepEqual(verify([holder.certificate, between.certificate]), { role: 'node', name: 'n7' })
    const beside = issueCredential(authority).certificates
    assert.deepEqual(verify([holder.certificate, ...beside, between.certificate]), { role: 'node', name: 'n7' })
  })

  test('of a seed as a seed', () => {
    const { certificates } = issueCredential(authority, { identity: { role: 'seed', name: 'seed' } })
    assert.deepEqual(verify(certificates), { role: 'seed', name: 'seed' })
  })
})

describe('a chain is refused', () => {
  test('from another authority, even one of the same name', () => {
    refuses('SHOAL_TRUST_UNKNOWN_AUTHORITY', issueCredential(newAuthority()).certificates)
    const twin = forge({ commonName: 'root', authority: { pathLength: 1 } })
    refuses('SHOAL_TRUST_UNKNOWN_AUTHORITY', [forge({ uris }, twin).certificate])
    refuses('SHOAL_TRUST_UNKNOWN_AUTHORITY', [forge({ uris }, twin).certificate, root.certificate])
  })

  test('signed by itself, by a node, or without its intermediate authority', () => {
    refuses('SHOAL_TRUST_UNKNOWN_AUTHORITY', [forge({ uris }).certificate])
    const node = issueCredential(authority)
    const [certificate] = node.certificates
    assert.ok(certificate)
    const byNode = forge({ uris }, { privateKey: node.privateKey, certificate })
    refuses('SHOAL_TRUST_UNKNOWN_AUTHORITY', [byNode.certificate, certificate])
    const between = forge({ commonName: 'between', authority: { pathLength: 0 } }, root)
    refuses('SHOAL_TRUST_UNKNOWN_AUTHORITY', [forge({ uris }, between).certificate])
  })

  test('with more authorities in it than one of them allows', () => {
    const first = forge({ commonName: 'first', authority: { pathLength: 0 } }, root)
    const second = forge({ commonName: 'second', authority: { pathLength: 0 } }, first)
    const holder = forge({ uris }, second)
    refuses('SHOAL_TRUST_MALFORMED', [holder.certificate, second.certificate, first.certificate])
  })

  test("that is an authority's own", () => {
    refuses('SHOAL_TRUST_UNKNOWN_AUTHORITY', [authority.certificate])
    refuses('SHOAL_TRUST_MALFORMED', [forge({ uris, authority: { pathLength: 0 } }, root).certificate])
  })

  test('before and after its time, but for the tolerance', () => {
    const { certificates } = issueCredential(authority, { lifetimeMs: HOUR_MS })
    assert.ok(verify(certificates, { now: NOW + HOUR_MS }))
    refuses('SHOAL_TRUST_EXPIRED', certificates, { now: NOW + HOUR_MS + 1 })
    refuses('SHOAL_TRUST_EXPIRED', certificates, { now: NOW - 1 })
    assert.ok(verify(certificates, { now: NOW - 60_000, toleranceMs: 60_000 }))
    assert.ok(verify(certificates, { now: NOW + HOUR_MS + 60_000, toleranceMs: 60_000 }))
    refuses('SHOAL_TRUST_EXPIRED', certificates, { now: NOW + HOUR_MS + 60_001, toleranceMs: 60_000 })
  })

  test('when its authority is over, whatever the certificate says', () => {
    const old = forge({ commonName: 'old', notAfter: NOW - 1000, authority: { pathLength: 0 } })
    const holder = forge({ uris }, old)
    refuses('SHOAL_TRUST_EXPIRED', [holder.certificate], { authorities: [old.certificate] })
  })

  test('that names nobody, somebody of another cluster, or more than one', () => {
    const named = (...names: string[]) => [forge({ uris: names }, root).certificate]
    const wrong = [
      [],
      ['spiffe://other/node/n1'],
      ['spiffe://shoal/operator/n1'],
      ['spiffe://shoal/node/'],
      ['spiffe://shoal/node/N1'],
      ['spiffe://shoal/node/n1/x'],
      ['spiffe://shoal/node/../seed'],
      ['https://shoal/node/n1'],
      ['spiffe://shoal/node/n1', 'spiffe://shoal/node/n2'],
    ]
    for (const names of wrong) refuses('SHOAL_TRUST_NAME', named(...names))
  })

  test('by its host names: they make nobody a node', () => {
    refuses('SHOAL_TRUST_NAME', [forge({ hosts: ['n1', 'evil, URI:spiffe://shoal/node/n1'] }, root).certificate])
  })

  test('once its node is revoked, until the node joins again', () => {
    const revoke = (list: Partial<RevocationList>) => ({ revocations: new Revocations({ ...NO_REVOCATIONS, ...list }) })
    const nodes = [{ node: 'n1', until: NOW }]
    refuses('SHOAL_TRUST_REVOKED', issueCredential(authority).certificates, revoke({ nodes }))
    const again = issueCredential(authority, { notBefore: NOW + 1000 }).certificates
    assert.ok(verify(again, { ...revoke({ nodes }), now: NOW + 2000 }))
    const other = issueCredential(authority, { identity: { role: 'node', name: 'n2' } }).certificates
    assert.ok(verify(other, revoke({ nodes })))
    refuses('SHOAL_TRUST_REVOKED', other, revoke({ serials: [other[0]?.serialNumber ?? ''] }))
  })
})
