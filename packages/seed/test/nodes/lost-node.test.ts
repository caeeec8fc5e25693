import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createClient } from '@shoal/api'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'

it('a node that is lost is handed out by the tracker no more', async (t) => {
  const fixture = await createFixture(t, { 'nodes.heartbeatIntervalMs': '40', 'nodes.lostAfterHeartbeats': '25' })
  const image = await fixture.addImage('image', rawImage(MIB))
  const seed = await fixture.start()
  const { layer } = await fixture.import(image)
  assert.ok(layer !== null)
  const { infoHash } = await fixture.client.showLayer({ params: { layer } })
  const [announceUrl = ''] = (await fixture.client.status()).tracker.announceUrls
  const announce = async (peerId: string) => {
    const query = `info_hash=${infoHash.replaceAll(/../g, '%$&')}&peer_id=${peerId}&port=7441&left=1`
    return Buffer.from(await (await fetch(`${announceUrl}?${query}`)).arrayBuffer())
  }
  const body = {
    ...{ swarmAddress: '127.0.0.1:9', swarmPeerId: '61'.repeat(20), zone: 'z1', rack: 'r1' },
    ...{ dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' },
  }
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  await node.registerNode({ params: { node: 'n1' }, body })
  const compact = Buffer.from([127, 0, 0, 1, 0, 9])
  await announce('a'.repeat(20))
  assert.ok((await announce('b'.repeat(20))).includes(compact))
  await fixture.event('node.lost')
  // Its announce alone would keep it for some eight seconds.
  const deadline = AbortSignal.timeout(4000)
  while ((await announce('b'.repeat(20))).includes(compact)) deadline.throwIfAborted()
})
