import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, type DashboardFrame, type Inventory } from '@shoal/api'
import { createFixture, MIB, rawImage } from '../seed-fixture.ts'

const registration = {
  ...{ swarmAddress: '127.0.0.1:9', swarmPeerId: '61'.repeat(20), zone: 'z1', rack: 'r1' },
  ...{ dhtAddress: null, apiUrl: null, capacityBytes: 1000, version: '1' },
}

function inventory(digest: string, map: string): Inventory {
  const layer = { state: 'fetching', presentBytes: 10, sizeBytes: MIB, fromOriginBytes: 4, fromPeersBytes: 6 } as const
  return {
    layers: [{ digest, ...layer, uploadedBytes: 0, peers: 2, error: null, map }],
    ...{ diskFreeBytes: 1, diskUsedBytes: 10, downBytesPerSecond: 5000, upBytesPerSecond: 0, load1: 0 },
  }
}

it('the stream says everything, then what changed, and goes on where a reader was cut off', async (t) => {
  const fixture = await createFixture(t)
  const image = await fixture.addImage('image', rawImage(MIB))
  const seed = await fixture.start()
  const { layer } = await fixture.import(image)
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  await node.registerNode({ params: { node: 'n1' }, body: registration })
  const read = async (lastEventId: string | undefined, isLast: (frame: DashboardFrame) => boolean) => {
    const frames: { id: string | undefined; data: DashboardFrame }[] = []
    for await (const { id, data } of fixture.client.streamDashboard({ lastEventId })) {
      frames.push({ id, data })
      if (isLast(data)) break
    }
    return frames
  }
  const [whole] = await read(undefined, () => true)
  assert.equal(whole?.data.isWhole, true)
  assert.deepEqual(
    whole?.data.nodes.set.map(({ id, layers }) => [id, layers]),
    [['n1', 0]],
  )
  assert.equal(whole?.data.layers.set[0]?.digest, layer)
  assert.ok(whole?.data.events.some(({ type }) => type === 'import.published'))

  await fixture.client.assign({ body: { layer: layer ?? '', nodes: ['n1'] } })
  const told = inventory(layer ?? '', 'f0000007')
  await node.heartbeat({ params: { node: 'n1' }, body: { events: [], inventory: told } })
  const isNews = ({ nodes }: DashboardFrame) => nodes.set.some(({ fetching }) => fetching === 1)
  const missed = await read(whole?.id, isNews)
  assert.ok(missed.every(({ data }) => !data.isWhole))
  const changed = missed.at(-1)?.data
  assert.deepEqual(
    changed?.layers.set.map(({ nodesPartial }) => nodesPartial),
    [1],
  )
  assert.deepEqual(changed?.images.set, [])

  const { overview } = { overview: await fixture.client.overview() }
  assert.equal(overview.swarm.fetchingNodes, 1)
  assert.equal(overview.swarm.downBytesPerSecond, 5000)
  assert.equal(overview.health.reasons[0]?.code, 'nodes-unreachable')
  const spread = await fixture.client.showSpread({ params: { layer: layer ?? '' } })
  assert.deepEqual(
    spread.nodes.map(({ node, map }) => [node, map]),
    [['n1', 'f0000007']],
  )
  assert.deepEqual(spread.copies, [1, 0, 0, 0, 0, 0, 0, 0.47])
  const unknown = fixture.client.showSpread({ params: { layer: `sha256:${'0'.repeat(64)}` } })
  await assert.rejects(unknown, { code: 'SHOAL_LAYER_UNKNOWN' })
})

it('a push channel that breaks tells of a dead daemon before heartbeats are missed', async (t) => {
  const fixture = await createFixture(t)
  const seed = await fixture.start()
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  await node.registerNode({ params: { node: 'n1' }, body: registration })
  const gone = new AbortController()
  for await (const _ of node.watchDesired({ params: { node: 'n1' }, signal: gone.signal })) break
  const isTold = async () => (await fixture.client.overview()).health.reasons.some(({ code }) => code === 'nodes-lost')
  assert.equal(await isTold(), false)
  const deadline = AbortSignal.timeout(4000)
  // A client that asks without a pause would be refused.
  while (!(await isTold())) await sleep(20, undefined, { signal: deadline })
  const frames = fixture.client.streamDashboard()[Symbol.asyncIterator]()
  const { value } = await frames.next()
  await frames.return?.()
  const [row] = (value as { data: DashboardFrame }).data.nodes.set
  assert.equal(row?.trouble?.code, 'disconnected')
})

it('a browser signs in with a token and gets a cookie; the node token opens nothing; signing in is an event', async (t) => {
  const fixture = await createFixture(t)
  const { url, operatorToken, nodeToken } = await fixture.start()
  const post = (token: string) =>
    fetch(`${url}/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    })
  for (const wrong of ['x', nodeToken]) assert.equal((await post(wrong)).status, 401)
  const answer = await post(operatorToken)
  assert.equal(((await answer.json()) as { role: string }).role, 'admin')
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  assert.equal((await fetch(`${url}/v1/session`, { headers: { cookie } })).status, 200)
  assert.equal((await fetch(`${url}/v1/session`, { method: 'DELETE', headers: { cookie } })).status, 204)
  assert.equal((await fetch(`${url}/v1/session`, { headers: { cookie } })).status, 401)
  await fixture.event('session.opened')
})

it('pages that are not built are explained, and those that are carry a strict policy', async (t) => {
  const fixture = await createFixture(t)
  const directory = join(fixture.directory, 'pages')
  Object.assign(fixture.settings, { 'dashboard.directory': directory })
  await mkdir(join(directory, 'assets'), { recursive: true })
  const { url } = await fixture.start()
  const before = await fetch(`${url}/`)
  assert.equal(before.status, 404)
  assert.match(await before.text(), /npm run build/)
  await writeFile(join(directory, 'index.html'), '<!doctype html>')
  for (const path of ['/', '/nodes/n1', '/prefetch/new', '/layers/sha256%3Aab']) {
    const page = await fetch(url + path)
    assert.equal(page.status, 200, path)
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self';/)
  }
  assert.equal((await fetch(`${url}/elsewhere`)).status, 404)
})
