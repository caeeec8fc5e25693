import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Image } from '@shoal/api'
import { createFixture, MIB, rawImage, type SeedFixture } from '../seed-fixture.ts'
import { type ImageSigner, newSigner, signatureOf } from './signed-images.ts'

const CONTENT = rawImage(MIB)

async function putCertificates(fixture: SeedFixture, ...signers: readonly ImageSigner[]): Promise<void> {
  const directory = join(fixture.directory, 'certificates')
  await mkdir(directory, { recursive: true })
  for (const { id, certificate } of signers) await writeFile(join(directory, `${id}.pem`), certificate.toString())
  fixture.settings['images.signatures.certificateDirectory'] = directory
}

/** Sets the signature properties of every image as the seed sees them from now on. */
function setProperties(fixture: SeedFixture, properties: Record<string, unknown>): void {
  const updated_at = new Date().toISOString()
  fixture.proxy.edit = (image) => ({ ...image, ...properties, updated_at })
}

const isIn = (state: string) => (image: Image) => image.signature.state === state

describe('an image whose signature properties change after its import', () => {
  it('is looked at again in the copy of the seed: a new signature that is right changes nothing else', async (t) => {
    const fixture = await createFixture(t)
    const [first, second] = [newSigner(), newSigner('ECC_SECP521R1')]
    await putCertificates(fixture, first, second)
    const image = await fixture.addImage('signed', CONTENT)
    setProperties(fixture, signatureOf(CONTENT, first))
    await fixture.start()
    const before = await fixture.import(image)
    assert.deepEqual([before.signature.state, before.signature.certificate], ['verified', first.id])

    setProperties(fixture, signatureOf(CONTENT, second, 'SHA-512'))
    const after = await fixture.until(
      image,
      (shown) => shown.signature.certificate === second.id && isIn('verified')(shown),
    )
    assert.equal(after.layer, before.layer)
    setProperties(fixture, {})
    assert.equal((await fixture.until(image, isIn('unsigned'))).layer, before.layer)
    assert.equal(fixture.proxy.dataRequests.length, 1)
  })

  it('is taken back when the new signature is wrong, until it is right and somebody asks', async (t) => {
    const fixture = await createFixture(t)
    const signer = newSigner()
    await putCertificates(fixture, signer)
    const image = await fixture.addImage('signed', CONTENT)
    setProperties(fixture, signatureOf(CONTENT, signer))
    await fixture.start()
    const { layer } = await fixture.import(image)
    assert.ok(layer !== null)

    setProperties(fixture, signatureOf(rawImage(MIB), signer))
    const refused = await fixture.until(image, isIn('refused'))
    assert.deepEqual([refused.layer, refused.chain, refused.import?.state], [null, [], 'failed'])
    assert.equal(refused.import?.error?.code, 'SHOAL_IMAGE_SIGNATURE_MISMATCH')
    await fixture.event('image.signature-refused')
    await fixture.event('layer.withdrawn', (event) => event.layer === layer)
    assert.equal(fixture.proxy.dataRequests.length, 1)

    setProperties(fixture, signatureOf(CONTENT, signer))
    await fixture.until(image, isIn('unverified'))
    const again = await fixture.import(image)
    assert.deepEqual([again.signature.state, again.layer], ['verified', layer])
  })

  it('of a number where text belongs is refused, not taken for unsigned', async (t) => {
    const fixture = await createFixture(t)
    const image = await fixture.addImage('odd', CONTENT)
    setProperties(fixture, { img_signature: 5 })
    await fixture.start()
    assert.equal((await fixture.import(image)).import?.error?.code, 'SHOAL_IMAGE_SIGNATURE_PROPERTY')
  })
})

describe('an image that is published when the policy gets stricter', () => {
  it('is looked at when the seed starts: verified, taken back, or left as it is while no certificate can be had', async (t) => {
    const fixture = await createFixture(t, { 'images.signatures.policy': 'off' })
    const signer = newSigner()
    const [signed, unsigned] = [rawImage(MIB), rawImage(MIB)]
    const images = [await fixture.addImage('signed', signed), await fixture.addImage('unsigned', unsigned)] as const
    fixture.proxy.edit = (image) => (image.id === images[0] ? { ...image, ...signatureOf(signed, signer) } : image)
    await fixture.start()
    const layers = [(await fixture.import(images[0])).layer, (await fixture.import(images[1])).layer]
    assert.equal((await fixture.client.showImage({ params: { image: images[0] } })).signature.state, 'unverified')

    await fixture.stop()
    await putCertificates(fixture, signer)
    const directory = fixture.settings['images.signatures.certificateDirectory'] ?? ''
    await rm(directory, { recursive: true })
    // A directory in the place of the file: it cannot be read, which says nothing of the signature.
    await mkdir(join(directory, `${signer.id}.pem`), { recursive: true })
    fixture.settings['images.signatures.policy'] = 'required'
    await fixture.start()
    const refused = await fixture.until(images[1], (shown) => shown.layer === null)
    assert.equal(refused.import?.error?.code, 'SHOAL_IMAGE_UNSIGNED')
    const left = await fixture.client.showImage({ params: { image: images[0] } })
    assert.deepEqual([left.layer, left.signature.state], [layers[0], 'unverified'])

    await rm(directory, { recursive: true })
    await putCertificates(fixture, signer)
    assert.equal((await fixture.until(images[0], isIn('verified'))).layer, layers[0])
    assert.equal(fixture.proxy.dataRequests.length, 2)
  })
})
