import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { errorFactory, seededRandom } from '@shoal/core'
import { openstackErrors } from '@shoal/openstack'
import { toApiImage } from '../../src/images/image-record.ts'
import { diskImage, MemoryLibrary, openImports } from '../imports/import-fixture.ts'
import { certificatesOf, newIssuer, newSigner, signatureOf } from './signed-images.ts'

const CONTENT = diskImage(327_680)
const HOUR_MS = 3_600_000
const openstackError = errorFactory(openstackErrors)

type Options = NonNullable<Parameters<typeof openImports>[1]>

/** Imports the content with these properties; gives what became of it, and how often the library was read. */
async function importWith(properties: Record<string, string>, options: Pick<Options, 'certificates' | 'policy'> = {}) {
  const library = new MemoryLibrary()
  const image = library.add('one', CONTENT)
  library.change(image.id, { properties })
  const imports = await openImports(library, options)
  const found = library.images.get(image.id)
  assert.ok(found)
  const record = await imports.import(found)
  assert.ok(record)
  const events = await imports.journal.list({ after: 0, limit: 100 })
  const told = events.map(({ type }) => type).filter((type) => type.startsWith('image.signature-'))
  return {
    ...imports,
    record,
    library,
    told,
    code: record.import?.error?.code,
    shown: toApiImage(record, {}).signature,
  }
}

/** Nothing of the image is anywhere. */
function assertNothingOf({ record, seeded, store, imports }: Awaited<ReturnType<typeof importWith>>): void {
  assert.equal(record.layer, null)
  assert.equal(record.import?.state, 'failed')
  assert.equal(seeded.size, 0)
  assert.equal(store.layers().length, 0)
  assert.deepEqual(imports.entries(), [])
}

describe('the import of a signed image', () => {
  const signer = newSigner()
  const certificates = certificatesOf(signer)
  const signed = signatureOf(CONTENT, signer)

  it('verifies it with the one read that there is, and tells', async () => {
    const { record, library, told, shown, seeded } = await importWith(signed, { certificates })
    assert.equal(record.import?.state, 'published')
    assert.deepEqual([...seeded], [record.layer])
    assert.deepEqual(library.reads, [0])
    assert.deepEqual(told, ['image.signature-verified'])
    const { checkedAt, ...signature } = shown
    assert.deepEqual(signature, {
      ...{ state: 'verified', certificate: signer.id, hashMethod: 'SHA-256', keyType: 'ECC_SECP384R1' },
      ...{ subject: 'CN=signer', error: null },
    })
    assert.ok(checkedAt !== null)
  })

  it('ends with nothing left when the bytes are others than those that were signed', async () => {
    const found = await importWith(signatureOf(diskImage(327_680), signer), { certificates })
    assert.equal(found.code, 'SHOAL_IMAGE_SIGNATURE_MISMATCH')
    assertNothingOf(found)
    assert.deepEqual(found.told, ['image.signature-refused'])
    assert.deepEqual([found.shown.state, found.shown.error?.code], ['refused', 'SHOAL_IMAGE_SIGNATURE_MISMATCH'])
  })

  it('refuses a signature by another key, and any that was changed', async () => {
    const other = newSigner()
    const random = seededRandom(7)
    const flipped = Buffer.from(signed.img_signature ?? '', 'base64')
    flipped.writeUInt8(flipped.readUInt8(20) ^ (1 << Math.floor(random() * 8)), 20)
    for (const img_signature of [
      signatureOf(CONTENT, other).img_signature ?? '',
      flipped.toString('base64'),
      randomBytes(100).toString('base64'),
    ]) {
      const found = await importWith({ ...signed, img_signature }, { certificates })
      assert.equal(found.code, 'SHOAL_IMAGE_SIGNATURE_MISMATCH')
      assertNothingOf(found)
    }
  })

  it('reads nothing of the library where the signature cannot be right', async () => {
    const { img_signature: _, ...incomplete } = signed
    const rsa = newSigner('RSA-PSS')
    const past = newSigner('ECC_SECP384R1', { notAfter: Date.now() - 1000 })
    const future = newSigner('ECC_SECP384R1', { notBefore: Date.now() + HOUR_MS / 2 })
    const all = certificatesOf(signer, past, future, rsa)
    const bad: [string, Record<string, string>, string][] = [
      ['one property is missing', incomplete, 'PROPERTY'],
      ['too long', { ...signed, img_signature: 'A'.repeat(100_000) }, 'PROPERTY'],
      ['no base64', { ...signed, img_signature: 'no!' }, 'PROPERTY'],
      ['a hash that is broken', { ...signed, img_signature_hash_method: 'SHA-1' }, 'PROPERTY'],
      ['a key type that is unknown', { ...signed, img_signature_key_type: 'constructor' }, 'PROPERTY'],
      ['a path for an id', { ...signed, img_signature_certificate_uuid: '../../etc/passwd' }, 'PROPERTY'],
      ['a certificate that nobody has', { ...signed, img_signature_certificate_uuid: randomUUID() }, 'CERTIFICATE'],
      ['a key of another type', { ...signed, img_signature_certificate_uuid: rsa.id }, 'CERTIFICATE'],
      ['a certificate that has ended', signatureOf(CONTENT, past), 'CERTIFICATE'],
      ['a certificate that has not begun', signatureOf(CONTENT, future), 'CERTIFICATE'],
    ]
    for (const [why, properties, end] of bad) {
      const found = await importWith(properties, { certificates: all })
      assert.equal(found.code, `SHOAL_IMAGE_SIGNATURE_${end}`, why)
      assert.deepEqual(found.library.reads, [], why)
      assertNothingOf(found)
      assert.equal(found.shown.state, 'refused', why)
    }
  })

  it('wants a signer whom a trusted certificate has signed, where some are trusted', async () => {
    const authority = newIssuer('trusted')
    const own = newSigner('ECC_SECP521R1', {}, authority)
    const policy = { trustedCertificates: [authority.id, randomUUID()] }
    const all = certificatesOf(authority, own, signer)
    const good = await importWith(signatureOf(CONTENT, own), { certificates: all, policy })
    assert.equal(good.shown.state, 'verified')
    const bad = await importWith(signed, { certificates: all, policy })
    assert.equal(bad.code, 'SHOAL_IMAGE_SIGNATURE_CERTIFICATE')
    assertNothingOf(bad)
  })

  it('goes by the policy where there is no signature, or nobody is to look', async () => {
    const unsigned = await importWith({})
    assert.deepEqual([unsigned.record.import?.state, unsigned.shown.state], ['published', 'unsigned'])
    const required = await importWith({}, { policy: { policy: 'required' } })
    assert.equal(required.code, 'SHOAL_IMAGE_UNSIGNED')
    assert.deepEqual(required.library.reads, [])
    assertNothingOf(required)
    const off = await importWith(signatureOf(diskImage(8192), signer), { policy: { policy: 'off' } })
    assert.deepEqual([off.record.import?.state, off.shown.state], ['published', 'unverified'])
  })

  it('fails, and may be tried again, where the certificate cannot be had', async () => {
    const none = await importWith(signed)
    assert.equal(none.code, 'SHOAL_SIGNATURE_NO_KEY_MANAGER')
    assert.deepEqual([none.record.layer, none.shown.state], [null, 'unverified'])
    const certificate = async () => {
      throw openstackError('SHOAL_BARBICAN_UNREACHABLE', { url: 'http://barbican', reason: 'it answers 503' })
    }
    const down = await importWith(signed, { certificates: { certificate } })
    assert.equal(down.code, 'SHOAL_BARBICAN_UNREACHABLE')
    assert.deepEqual(down.library.reads, [])
  })

  it('verifies what was kept of an earlier attempt together with the rest', async () => {
    const large = diskImage(3 * 1024 ** 2)
    for (const [properties, state] of [
      [signatureOf(large, signer), 'published'],
      [signatureOf(diskImage(8192), signer), 'failed'],
    ] as const) {
      const library = new MemoryLibrary()
      const { id } = library.add('one', large)
      library.change(id, { properties })
      const image = library.images.get(id)
      assert.ok(image)
      const fail = () => openstackError('SHOAL_GLANCE_UNREACHABLE', { url: 'http://glance', reason: 'cut' })
      library.onChunk = (_, offset) => {
        if (offset >= 2 * 1024 ** 2) throw fail()
      }
      const imports = await openImports(library, { certificates, durableBytes: 1024 ** 2 })
      assert.equal((await imports.import(image))?.import?.error?.code, 'SHOAL_GLANCE_UNREACHABLE')
      library.onChunk = () => {}
      assert.equal((await imports.import(image))?.import?.state, state)
      assert.equal(library.reads.length, 2)
      assert.ok((library.reads[1] ?? 0) > 0)
    }
  })
})
