import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createClient, type NodeRegistration } from '@shoal/api'
import { decodeBootBlocks, decodePublicKey } from '@shoal/core'
import { writeBootProfile } from '@shoal/qcow2'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'

const registration: NodeRegistration = {
  ...{ zone: '', rack: '', dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' },
  ...{ swarmAddress: '127.0.0.1:9', swarmPeerId: 'ab'.repeat(20) },
}
const BLOCK_BYTES = 131_072

it('a node records a boot, and every node is told what it reads, also after a restart', async (t) => {
  const fixture = await createFixture(undoAfter(t))
  let seed = await fixture.start()
  const image = await fixture.addImage('image', rawImage(4 * MIB))
  await fixture.import(image)
  const params = { node: 'n1', image }
  const asNode = () => createClient({ baseUrl: seed.url, token: seed.nodeToken })
  const reads = [20, 3, 4].map((block, index) => ({ offset: block * BLOCK_BYTES, length: 8192, milliseconds: index }))
  const profile = writeBootProfile({ recordedOn: image, virtualSizeBytes: 4 * MIB, reads })
  await assert.rejects(asNode().recordBoot({ params, body: { image, profile } }), { code: 'SHOAL_NODE_UNKNOWN' })
  await asNode().registerNode({ params, body: registration })
  assert.deepEqual(await fixture.client.showBootProfile({ params }), {
    ...{ image, revision: 0, recordings: 0, wantsRecordings: true, bytes: 0, stability: 1, updatedAt: null },
  })
  await assert.rejects(asNode().getBootProfile({ params }), { code: 'SHOAL_BOOT_PROFILE_UNKNOWN' })
  const recorded = await asNode().recordBoot({ params, body: { image: image.toUpperCase(), profile } })
  assert.deepEqual([recorded.revision, recorded.recordings, recorded.bytes], [1, 1, 3 * BLOCK_BYTES])
  assert.deepEqual(await fixture.client.showBootProfile({ params }), recorded)

  const chain = await asNode().wantBoot({ params, query: { records: true, foretold: 0.9 } })
  assert.deepEqual([chain.wantsRecordings, chain.profileRevision], [true, 1])
  const [assigned] = (await asNode().desiredState({ params })).assignments
  assert.deepEqual(assigned?.bootProfile, { image, revision: 1 })

  const { publicKeys } = await asNode().registerNode({ params, body: registration })
  const encoded = await asNode().getBootProfile({ params: { image: image.toUpperCase() } })
  const { layers, runs } = decodeBootBlocks(encoded, publicKeys.map(decodePublicKey))
  assert.deepEqual(layers, [{ digest: chain.layers[0]?.layer, blockLengthBytes: BLOCK_BYTES, blocks: 32 }])
  assert.deepEqual(
    runs.map(({ firstBlock, blocks, score }) => [firstBlock, blocks, score]),
    [
      [20, 1, 1],
      [3, 2, 1],
    ],
  )

  await fixture.stop()
  seed = await fixture.start()
  assert.deepEqual(await asNode().getBootProfile({ params }), encoded)
  assert.deepEqual(await fixture.client.showBootProfile({ params }), recorded)
})

it('what is no recording is refused, and so is who may not ask', async (t) => {
  const fixture = await createFixture(undoAfter(t))
  const seed = await fixture.start()
  const image = await fixture.addImage('image', rawImage(MIB))
  await fixture.import(image)
  const params = { node: 'n1', image }
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  await node.registerNode({ params, body: registration })
  const send = (profile: string, of = image) => node.recordBoot({ params, body: { image: of, profile } })
  const of = (recordedOn: string, virtualSizeBytes: number) =>
    writeBootProfile({ recordedOn, virtualSizeBytes, reads: [{ offset: 0, length: 512, milliseconds: 0 }] })
  await assert.rejects(send('nonsense'), { code: 'SHOAL_BOOT_PROFILE_HEADER' })
  await assert.rejects(send(of(image, 2 * MIB)), { code: 'SHOAL_BOOT_PROFILE_OTHER_DISK' })
  await assert.rejects(send(of(image, MIB), 'nothing'), { code: 'SHOAL_IMAGE_UNKNOWN' })
  await assert.rejects(send('x'.repeat(2 * MIB + 1)), { code: 'SHOAL_HTTP_INVALID' })
  const fresh = await fixture.addImage('fresh', rawImage(MIB))
  await fixture.event('image.discovered', (event) => event.image === fresh)
  await assert.rejects(send(of(fresh, MIB), fresh), { code: 'SHOAL_BOOT_PROFILE_NO_LAYERS' })
  await assert.rejects(node.showBootProfile({ params }), { code: 'SHOAL_HTTP_FORBIDDEN' })
  const nobody = createClient({ baseUrl: seed.url })
  await assert.rejects(nobody.getBootProfile({ params }), { code: 'SHOAL_HTTP_UNAUTHORIZED' })
  await assert.rejects(fixture.client.showBootProfile({ params: { image: 'nothing' } }), {
    code: 'SHOAL_IMAGE_UNKNOWN',
  })
})
