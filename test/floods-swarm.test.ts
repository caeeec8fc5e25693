import assert from 'node:assert/strict'
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createClient } from '@shoal/api'
import { createPeer, loadPeerConfig } from '@shoal/peer'
import { loadSeedConfig, startSeed } from '@shoal/seed'
import { HostilePeer, MESSAGE } from '@shoal/swarm/hostile-peer'
import bencode from 'bencode'
import { ask, dial, floodLogger, type Heard, turnedAway, underFlood } from './harness/floods.ts'
import { type Undo, undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

/** Who floods. Nobody shows a certificate here: whoever comes is looked at. */
const FLOODER = '127.67.0.9'
const DATAGRAMS = 6000
const BATCH = 100

interface Place {
  readonly host: string
  readonly port: number
}

function placeOf(address: string): Place {
  const [host = '', port] = address.replace(/^\w+:\/\//, '').split(/[:/]/)
  return { host, port: Number(port) }
}

/** A seed with a layer and a peer that has it, in a cluster without certificates. */
async function start(undo: Undo) {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-floods-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  await mkdir(join(directory, 'images'))
  await writeFile(join(directory, 'images', 'a.raw'), Buffer.alloc(1024 * 1024, 'a'))
  const [seedHeard, peerHeard] = [floodLogger(), floodLogger()]
  const ports = ['listen', 'swarm', 'tracker', 'dht'].map((name) => [`${name}.port`, '0'])
  const seedFlags = {
    ...Object.fromEntries(ports),
    ...{ stateDirectory: join(directory, 'seed'), 'library.directory': join(directory, 'images') },
    ...{ 'tls.enabled': 'false', 'layers.automatic': 'false', 'nodes.heartbeatIntervalMs': '200' },
  }
  const seed = await startSeed(loadSeedConfig({ env: {}, flags: seedFlags }), { logger: seedHeard.logger, env: {} })
  undo.after(() => seed.stop())
  const client = createClient({ baseUrl: seed.url, token: seed.operatorToken })
  const peerFlags = {
    ...{ node: 'n1', stateDirectory: join(directory, 'n1'), 'seed.url': seed.url },
    ...{ 'seed.tokenFile': join(directory, 'seed', 'node.token'), 'api.port': 0, 'swarm.host': '127.67.0.1' },
    ...{ 'swarm.port': 0, 'dht.port': 0, 'glance.url': seed.url, 'glance.port': 0, 'glance.host': '127.67.0.1' },
  }
  const peer = createPeer(loadPeerConfig({ env: {}, flags: peerFlags }), { logger: peerHeard.logger })
  undo.after(() => peer.stop())
  await peer.start()
  const { images } = await client.listImages()
  const image = images[0]?.id ?? ''
  await client.importImage({ params: { image } })
  const layer = await until('the layer', async () => (await client.showImage({ params: { image } })).layer ?? undefined)
  await client.assign({ body: { layer, nodes: ['n1'] } })
  await until('the peer has it', async () => (await client.showLayer({ params: { layer } })).nodesComplete === 1)
  const { infoHash } = await client.showLayer({ params: { layer } })
  const apiToken = (await readFile(join(directory, 'n1', 'api-token'), 'utf8')).trim()
  return { seed, client, peer, seedHeard, peerHeard, infoHash, apiToken, layer, directory }
}

type Cluster = Awaited<ReturnType<typeof start>>

function test(name: string, run: (t: TestContext, undo: Undo) => Promise<void>): void {
  it(name, { timeout: 60_000 }, (t: TestContext) => run(t, undoAfter(t)))
}

async function assertTold({ client }: Cluster, heard: Heard, what: string): Promise<void> {
  const { health } = await until(
    'the overview tells',
    async () => {
      const overview = await client.overview()
      return overview.health.reasons.some(({ subject }) => subject.filter === what) ? overview : undefined
    },
    { timeoutMs: 5000 },
  )
  const reason = health.reasons.find(({ code, subject }) => code === 'flooded' && subject.filter === what)
  assert.match(reason?.message ?? '', /flooded by 127\.67\.0\.9: about/)
  assertLogged(heard, what)
}

function assertLogged({ floods }: Heard, what: string, address: string | undefined = FLOODER): void {
  const lines = floods.filter((line) => line.what === what)
  assert.deepEqual([lines.length, lines[0]?.address], [1, address], what)
  assert.ok(Number(lines[0]?.perSecond) > 0)
}

async function assertPeerTold({ peer, client, apiToken, peerHeard }: Cluster, what: string): Promise<void> {
  const told = async () => {
    const { events } = await client.listEvents({ query: { limit: 1000 } })
    return events.find(({ type, node, details }) => type === 'node.flooded' && node === 'n1' && details.what === what)
  }
  const event = await until('the node tells the seed', told, { timeoutMs: 5000 })
  assert.equal(event.details.address, FLOODER)
  // A picture of the fleet holds for half a second.
  const isShown = async () => {
    const { health } = await client.overview()
    return health.reasons.some(({ code, subject }) => code === 'flooded' && subject.filter === 'node.flooded')
  }
  await until('the overview tells of it', isShown, { timeoutMs: 5000 })
  const { notes } = (await (await fetch(`${peer.apiUrl}/readyz`)).json()) as { notes: { message: string }[] }
  assert.ok(notes[0]?.message.includes(what), JSON.stringify(notes))
  const headers = { authorization: `Bearer ${apiToken}` }
  const text = await (await fetch(`${peer.apiUrl}/metrics`, { headers })).text()
  assert.match(text, new RegExp(`shoal_flood_refused_total\\{what="${what}"\\} \\d{3}`))
  assertLogged(peerHeard, what)
}

async function udp(undo: Undo, address: string): Promise<UdpSocket> {
  const socket = createSocket('udp4')
  socket.bind(0, address)
  await once(socket, 'listening')
  undo.after(async () => void socket.close())
  return socket
}

/** Sends the same datagram again and again; not so fast that the kernel drops them before anybody can. */
async function sendMany(undo: Undo, { host, port }: Place, datagrams: readonly Buffer[]): Promise<void> {
  const socket = await udp(undo, FLOODER)
  for (let sent = 0; sent < DATAGRAMS; sent += BATCH) {
    for (let index = 0; index < BATCH; index += 1) socket.send(datagrams[index % datagrams.length] ?? '', port, host)
    await turn()
  }
}

/** Who asks by a datagram is answered. */
async function askByDatagram(undo: Undo, { host, port }: Place, datagram: Buffer): Promise<() => Promise<void>> {
  const socket = await udp(undo, '127.67.0.2')
  return async () => {
    const answered = once(socket, 'message', { signal: AbortSignal.timeout(2500) })
    // One that the kernel dropped is sent again, as clients do.
    const again = setInterval(() => socket.send(datagram, port, host), 200)
    socket.send(datagram, port, host)
    await answered.finally(() => clearInterval(again))
  }
}

const CONNECT = Buffer.from('000004172710198000000000aaaaaaaa', 'hex')

describe('a cluster goes on, and says so, under', () => {
  test('announces by datagram and by request', async (t, undo) => {
    const cluster = await start(undo)
    const { tracker } = await cluster.client.status()
    const [http = '', byUdp = ''] = tracker.announceUrls
    const served = await askByDatagram(undo, placeOf(byUdp), CONNECT)
    await underFlood(t, (floodUndo) => sendMany(floodUndo, placeOf(byUdp), [CONNECT]), served)
    const announce = `GET /announce?info_hash=${'%61'.repeat(20)}&peer_id=${'b'.repeat(20)}&port=1&left=1 HTTP/1.1\r\nhost: x\r\n\r\n`
    const flood = async (floodUndo: Undo) => {
      const [pipe] = await dial(floodUndo, { ...placeOf(http), from: FLOODER }, 1, Buffer.from(announce.repeat(1500)))
      if (pipe !== undefined && !pipe.closed) await once(pipe, 'close')
    }
    await underFlood(t, flood, async () => assert.equal(await ask(http), 200))
    await assertTold(cluster, cluster.seedHeard, 'announce')
  })

  test('datagrams to the DHT, of any shape, at seed and peer', async (t, undo) => {
    const cluster = await start(undo)
    const ping = bencode.encode({ t: 'aa', y: 'q', q: 'ping', a: { id: Buffer.alloc(20, 'x') } })
    const bomb = Buffer.from('l'.repeat(1000))
    const malformed = [
      bomb,
      Buffer.from('d1:y1:q1:q4:ping1:ad2:id3:abcee'),
      Buffer.alloc(1400, 0xff),
      Buffer.from('l-3:'),
    ]
    const { nodes } = await cluster.client.listNodes()
    const ofSeed = await seedDht(cluster)
    for (const place of [ofSeed, placeOf(nodes[0]?.dhtAddress ?? '')]) {
      const served = await askByDatagram(undo, place, Buffer.from(ping))
      await underFlood(t, (floodUndo) => sendMany(floodUndo, place, malformed), served)
    }
    await assertTold(cluster, cluster.seedHeard, 'dht-flood')
    assertLogged(cluster.seedHeard, 'dht-malformed')
    await assertPeerTold(cluster, 'dht-flood')
  })

  test('wires with giant bitfields, malformed extensions and bencode bombs', async (t, undo) => {
    const cluster = await start(undo)
    const { swarm } = await cluster.client.status()
    const { infoHash } = cluster
    const { nodes } = await cluster.client.listNodes()
    const evil: [number, Buffer][] = [
      [MESSAGE.bitfield, Buffer.alloc(100_000, 0xff)],
      [MESSAGE.extended, Buffer.concat([Buffer.of(0), Buffer.from('l'.repeat(10_000))])],
      [MESSAGE.extended, Buffer.concat([Buffer.of(0), Buffer.from('d1:md11:ut_metadatai-99999999999999999999eee')])],
      [MESSAGE.extended, Buffer.concat([Buffer.of(0), Buffer.from('d1:ml-3:ee')])],
    ]
    for (const address of [swarm.address, nodes[0]?.swarmAddress ?? '']) {
      let met = 0
      const meet = (from: string) => {
        met += 1
        const peerId = `-XX0000-${String(met).padStart(12, '0')}`
        return HostilePeer.meet({ after: (fn) => undo.after(async () => fn()) }, { address, from, infoHash, peerId })
      }
      const flood = async () => {
        for (let wire = 0; wire < 120; wire += 1) {
          const peer = await meet(FLOODER)
          const [id, payload] = evil[wire % evil.length] ?? [0, Buffer.of()]
          peer.sendBytes(id, payload)
          await peer.closed
        }
      }
      await underFlood(t, flood, async () => {
        const peer = await meet('127.67.0.2')
        peer.socket.destroy()
        await peer.closed
      })
    }
    await assertTold(cluster, cluster.seedHeard, 'wire')
    await assertPeerTold(cluster, 'wire')
  })

  test("connections that say nothing to a peer's API, Glance endpoint and swarm", async (t, undo) => {
    const cluster = await start(undo)
    const { peer, apiToken } = cluster
    const headers = { authorization: `Bearer ${apiToken}` }
    const askPeer = async () => assert.equal(await ask(`${peer.apiUrl}/v1/local`, headers), 200)
    const { nodes } = await cluster.client.listNodes()
    const swarm = placeOf(nodes[0]?.swarmAddress ?? '')
    const glance = placeOf(cluster.peerHeard.serving ?? '')
    const flood = async (floodUndo: Undo) => {
      await turnedAway(await dial(floodUndo, { ...placeOf(peer.apiUrl), from: FLOODER }, 1300), 200)
      await turnedAway(await dial(floodUndo, { ...glance, from: FLOODER }, 700), 150)
      await turnedAway(await dial(floodUndo, { ...swarm, from: FLOODER }, 200), 110)
    }
    await underFlood(t, flood, askPeer)
    for (const what of ['http-connection', 'glance-connection', 'swarm-connection']) await assertPeerTold(cluster, what)
  })
})

/** Where the seed's DHT node listens, as it tells nodes that register. */
async function seedDht({ seed }: Cluster): Promise<Place> {
  const node = createClient({ baseUrl: seed.url, token: seed.nodeToken })
  const { dhtBootstrap } = await node.registerNode({
    params: { node: 'n2' },
    body: {
      ...{ swarmAddress: '127.67.0.3:9', swarmPeerId: '62'.repeat(20), zone: '', rack: '' },
      ...{ dhtAddress: null, apiUrl: null, capacityBytes: 1, version: '1' },
    },
  })
  return placeOf(dhtBootstrap[0] ?? '')
}
