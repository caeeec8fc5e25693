import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createClient, type NodeRegistration } from '@shoal/api'
import { decodeManifest, decodePublicKey } from '@shoal/core'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'

const REGISTRATION: NodeRegistration = {
  ...{ zone: 'z1', rack: 'r1', dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' },
  ...{ swarmAddress: '127.0.0.1:9', swarmPeerId: 'ab'.repeat(20) },
}

describe('a seed whose signing key is rotated', () => {
  it('signs the layers that it has with the new key at once, and after a restart; what they hold stays', async (t) => {
    const fixture = await createFixture(t)
    await fixture.start()
    const image = await fixture.addImage('web', rawImage(MIB))
    const { layer } = await fixture.import(image)
    const params = { layer: layer ?? '' }
    const before = await fixture.client.getManifest({ params })
    const first = (await fixture.client.status()).publicKey
    const { keys } = await fixture.client.rotateKey({ body: { overlapSeconds: 60 } })
    assert.deepEqual(
      keys.map(({ state, serial }) => [serial, state]),
      [
        [1, 'current'],
        [0, 'trusted'],
      ],
    )
    const { publicKey } = await fixture.client.status()
    assert.notEqual(publicKey, first)
    const trusted = [decodePublicKey(publicKey)]
    assert.throws(() => decodeManifest(before, trusted), { code: 'SHOAL_MANIFEST_SIGNATURE' })
    const signedAgain = await fixture.client.getManifest({ params })
    assert.deepEqual(decodeManifest(signedAgain, trusted), decodeManifest(before, [decodePublicKey(first)]))
    assert.deepEqual(await fixture.client.getManifest({ params }), signedAgain)
    await fixture.stop()
    await fixture.start()
    assert.equal((await fixture.client.status()).publicKey, publicKey)
    assert.deepEqual(await fixture.client.getManifest({ params }), signedAgain)
    const { events } = await fixture.client.listEvents({ query: { actor: 'token:operator' } })
    const rotated = events.filter(({ type }) => type === 'key.rotated')
    assert.deepEqual(
      rotated.map(({ details }) => details.publicKey),
      [publicKey],
    )
  })

  it('tells nodes by their desired state, and all of its statements to who asks', async (t) => {
    const fixture = await createFixture(t)
    const seed = await fixture.start()
    const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
    await node.registerNode({ params: { node: 'n1' }, body: REGISTRATION })
    const desired = () => fixture.client.desiredState({ params: { node: 'n1' } })
    const before = await desired()
    assert.equal(before.trust?.keys, 0)
    await fixture.client.rotateKey({ body: {} })
    const after = await desired()
    assert.equal(after.trust?.keys, 1)
    assert.ok(after.revision > before.revision)
    const { keys, statements } = await node.listKeys()
    assert.equal(statements.length, 1)
    const old = keys.at(-1)?.id ?? ''
    const retired = await fixture.client.retireKey({ params: { key: old } })
    assert.equal(retired.keys.at(-1)?.state, 'retired')
    assert.equal((await desired()).trust?.keys, 2)
    const { events } = await fixture.client.listEvents()
    assert.equal(events.filter(({ type }) => type === 'key.retired').length, 1)
    await assert.rejects(fixture.client.retireKey({ params: { key: old.replace(/./g, 'f') } }), {
      code: 'SHOAL_KEY_UNKNOWN',
    })
    await assert.rejects(node.rotateKey({ body: {} }), { code: 'SHOAL_HTTP_FORBIDDEN' })
  })
})
