import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type Client, createClient, type NodeRegistration } from '@shoal/api'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'

const registration: NodeRegistration = {
  ...{ zone: '', rack: '', dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' },
  ...{ swarmAddress: '127.0.0.1:9', swarmPeerId: 'ab'.repeat(20) },
}

async function ready(node: Client, image: string) {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const chain = await node.wantBoot({ params: { node: 'n1', image } })
    if (chain.state === 'ready') return chain
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${image} is not ready`)
}

it('a node that wants to boot an image that was never imported gets its layers, over restarts, until it ends', async (t) => {
  const fixture = await createFixture(undoAfter(t))
  const image = await fixture.addImage('image', rawImage(MIB))
  let seed = await fixture.start()
  const params = { node: 'n1', image }
  const asNode = () => createClient({ baseUrl: seed.url, token: seed.nodeToken })
  await assert.rejects(asNode().wantBoot({ params }), { code: 'SHOAL_NODE_UNKNOWN' })
  await asNode().registerNode({ params, body: registration })
  const first = await asNode().wantBoot({ params })
  assert.equal(first.state, 'importing')
  const chain = await ready(asNode(), image.toUpperCase())
  assert.deepEqual(
    chain.layers.map(({ sizeBytes }) => sizeBytes),
    [MIB],
  )
  assert.equal(chain.virtualSizeBytes, MIB)
  const [layer] = chain.layers
  const desired = await asNode().desiredState({ params })
  assert.deepEqual(
    desired.assignments.map((one) => [one.layer, one.priority, one.pinnedUntil]),
    [[layer?.layer, 90, null]],
  )
  await fixture.stop()
  seed = await fixture.start()
  assert.equal((await asNode().desiredState({ params })).assignments.length, 1)
  await asNode().endBoot({ params })
  await asNode().endBoot({ params })
  assert.deepEqual((await asNode().desiredState({ params })).assignments, [])
  await assert.rejects(createClient({ baseUrl: seed.url }).wantBoot({ params }), { code: 'SHOAL_HTTP_UNAUTHORIZED' })
  await assert.rejects(asNode().wantBoot({ params: { node: 'n1', image: 'nothing' } }), { code: 'SHOAL_IMAGE_UNKNOWN' })
})
