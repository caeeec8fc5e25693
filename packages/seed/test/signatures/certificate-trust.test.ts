import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { datesFault, trustFault } from '../../src/signatures/certificate-trust.ts'
import { newIssuer, newSigner } from './signed-images.ts'

const NOW = Date.now()
const DAY_MS = 86_400_000

describe('the trust in a certificate', () => {
  const root = newIssuer('root')
  const between = newIssuer('between', { authority: { pathLength: 0 } }, root)
  const signer = newSigner('ECC_SECP384R1', {}, between)

  it('goes up to one that has signed itself, each step among the trusted', () => {
    assert.equal(trustFault(signer.certificate, [between.certificate, root.certificate], NOW), undefined)
    assert.equal(trustFault(newSigner('ECC_SECP384R1', {}, root).certificate, [root.certificate], NOW), undefined)
    assert.notEqual(trustFault(signer.certificate, [root.certificate], NOW), undefined, 'one is missing between')
    assert.notEqual(trustFault(signer.certificate, [between.certificate], NOW), undefined, 'the last is missing')
    assert.notEqual(trustFault(signer.certificate, [], NOW), undefined)
  })

  it('is not given to another authority of the same name, nor to what a signer has signed', () => {
    const twin = newIssuer('root')
    assert.notEqual(trustFault(signer.certificate, [between.certificate, twin.certificate], NOW), undefined)
    const below = newSigner('ECC_SECP384R1', {}, signer)
    const trusted = [signer.certificate, between.certificate, root.certificate]
    assert.notEqual(trustFault(below.certificate, trusted, NOW), undefined)
    const alone = newIssuer('alone', { authority: { pathLength: 0 } })
    assert.equal(trustFault(alone.certificate, [alone.certificate], NOW), undefined, 'an authority may sign images')
  })

  it('ends where an authority has ended, or allows no more below it', () => {
    const past = { notBefore: NOW - 2 * DAY_MS, notAfter: NOW - DAY_MS }
    const ended = newIssuer('ended', past)
    const late = newSigner('ECC_SECP384R1', {}, ended)
    assert.notEqual(trustFault(late.certificate, [ended.certificate], NOW), undefined)
    assert.equal(trustFault(late.certificate, [ended.certificate], NOW - 1.5 * DAY_MS), undefined)
    const narrow = newIssuer('narrow', { authority: { pathLength: 0 } })
    const second = newIssuer('second', {}, narrow)
    const deep = newSigner('ECC_SECP384R1', {}, second)
    assert.notEqual(trustFault(deep.certificate, [narrow.certificate, second.certificate], NOW), undefined)
  })

  it('does not go round where authorities have signed each other', () => {
    const keys = [newIssuer('a'), newIssuer('b')] as const
    const crossed = [newIssuer('c', {}, keys[0]), newIssuer('d', {}, keys[1])] as const
    const trusted = [...keys, ...crossed].map(({ certificate }) => certificate)
    const other = newSigner('ECC_SECP384R1', {}, newIssuer('elsewhere'))
    assert.notEqual(trustFault(other.certificate, trusted, NOW), undefined)
  })

  it('is asked for while the certificate holds', () => {
    const { certificate } = newSigner('ECC_SECP384R1', { notBefore: NOW, notAfter: NOW + DAY_MS })
    assert.equal(datesFault(certificate, NOW + 1000), undefined)
    assert.notEqual(datesFault(certificate, NOW - 1000), undefined)
    assert.notEqual(datesFault(certificate, NOW + 2 * DAY_MS), undefined)
  })
})
