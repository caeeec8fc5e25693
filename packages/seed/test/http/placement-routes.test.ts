import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type Client, createClient } from '@shoal/api'
import { decodeScores } from '../placement/decode-scores.ts'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'

interface Snapshot {
  readonly nodes: string[]
  readonly images: Record<string, object>
}

/** Registers a node that holds all of some layers. */
async function report(client: Client, node: string, layers: readonly string[], sizeBytes: number): Promise<void> {
  const number = Number(node.slice(1))
  const params = { node }
  await client.registerNode({
    params,
    body: {
      ...{ zone: 'z1', rack: `r${number}`, swarmAddress: `127.0.0.1:${number}`, dhtAddress: null, apiUrl: null },
      ...{ swarmPeerId: String(number).padStart(40, '0'), capacityBytes: 100 * MIB, version: '1' },
    },
  })
  const counters = { fromOriginBytes: 0, fromPeersBytes: 0, uploadedBytes: 0, peers: 0, error: null }
  const held = layers.map((digest) => {
    return { digest, state: 'complete', presentBytes: sizeBytes, sizeBytes, ...counters } as const
  })
  const idle = { diskFreeBytes: 1, diskUsedBytes: 0, downBytesPerSecond: 0, upBytesPerSecond: 0, load1: 0 }
  await client.heartbeat({ params, body: { inventory: { layers: held, ...idle }, events: [] } })
}

it('gives scores to nodes and schedulers, and places where images are', async (t) => {
  const fixture = await createFixture(t)
  const seed = await fixture.start()
  const token = seed.nodeToken
  const ask = (headers: Record<string, string> = {}, bearer = token) =>
    fetch(`${seed.url}/v1/scheduler/snapshot`, {
      headers: { authorization: `Bearer ${bearer}`, 'accept-encoding': 'identity', ...headers },
    })
  const early = await ask()
  assert.equal(early.status, 503)
  assert.equal(((await early.json()) as { error: { code: string } }).error.code, 'SHOAL_PLACEMENT_NO_REPORTS')
  assert.equal((await ask({}, 'wrong')).status, 401)

  const image = await fixture.addImage('web', rawImage(2 * MIB))
  const { chain } = await fixture.import(image)
  const node = createClient({ baseUrl: seed.url, token })
  for (const [name, layers] of [
    ['n1', []],
    ['n2', chain],
    ['n3', []],
  ] as const) {
    await report(node, name, layers, 2 * MIB)
  }

  const answer = await ask()
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
  const etag = answer.headers.get('etag') ?? ''
  const snapshot = (await answer.json()) as Snapshot
  assert.deepEqual(snapshot.nodes.toSorted(), ['n1', 'n2', 'n3'])
  const scores = decodeScores(snapshot.images[image] ?? {}, 3)
  const scoreOf = (name: string) => scores[snapshot.nodes.indexOf(name)] ?? -1
  assert.equal(scoreOf('n2'), 255)
  assert.ok(scoreOf('n1') < 128 && scoreOf('n1') === scoreOf('n3'))

  const same = await ask({ 'if-none-match': `"other", ${etag}` })
  assert.equal(same.status, 304)
  assert.equal(same.headers.get('etag'), etag)
  assert.equal(await same.text(), '')
  const compressed = await ask({ 'accept-encoding': 'br, gzip;q=0.5' })
  assert.equal(compressed.headers.get('content-encoding'), 'gzip')
  assert.deepEqual(await compressed.json(), snapshot)
  assert.equal((await ask({ 'accept-encoding': 'gzip;q=0' })).headers.get('content-encoding'), null)

  const body = { images: [{ image, vms: 2 }], spread: 0 }
  const placed = await fixture.client.placeVms({ body })
  assert.deepEqual(placed.placements, [{ image, node: 'n2', vms: 2, missingBytes: 0 }])
  assert.deepEqual(await fixture.client.placeVms({ body }), placed)
  await assert.rejects(node.placeVms({ body }), { code: 'SHOAL_HTTP_FORBIDDEN' })
  await assert.rejects(fixture.client.placeVms({ body: { images: [{ image: 'nothing', vms: 1 }] } }), {
    code: 'SHOAL_IMAGE_UNKNOWN',
  })
  await assert.rejects(fixture.client.placeVms({ body: { images: [] } }), { code: 'SHOAL_HTTP_INVALID' })
  await assert.rejects(fixture.client.placeVms({ body: { ...body, rack: 'r9' } }), { code: 'SHOAL_PLACEMENT_NO_NODES' })
})
