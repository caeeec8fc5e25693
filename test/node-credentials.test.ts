import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type Client, createClient } from '@shoal/api'
import { type Clock, decodeManifest, decodePublicKey, type Logger, silentLogger, systemClock } from '@shoal/core'
import { createMemoryLayerStore } from '@shoal/layer-store'
import { createPeer, loadPeerConfig, type Peer } from '@shoal/peer'
import { loadSeedConfig, type Seed, startSeed } from '@shoal/seed'
import { clusterIdentity, createSwarm, encodeLayerGrant } from '@shoal/swarm'
import {
  CertificateAuthority,
  ClusterTrust,
  createCredential,
  credentialToPem,
  type Identity,
  newCredentialRequest,
  openAuthority,
  openJoinKey,
  readCertificateRequest,
  storeCredential,
} from '@shoal/trust'
import { type Undo, undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const HOUR_MS = 3_600_000

interface SeedInTest {
  readonly directory: string
  readonly seed: Seed
  readonly client: Client
}

async function seedIn(undo: Undo, settings: Record<string, string> = {}): Promise<SeedInTest> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-credentials-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  await mkdir(join(directory, 'images'))
  const ports = ['listen', 'tls', 'swarm', 'tracker', 'dht'].map((part) => [`${part}.port`, '0'])
  const flags = {
    ...Object.fromEntries(ports),
    stateDirectory: join(directory, 'seed'),
    'library.directory': join(directory, 'images'),
    'nodes.heartbeatIntervalMs': '200',
    ...settings,
  }
  const seed = await startSeed(loadSeedConfig({ env: {}, flags }), { logger: silentLogger, env: {} })
  undo.after(() => seed.stop())
  return { directory, seed, client: createClient({ baseUrl: seed.url, token: seed.operatorToken }) }
}

interface PeerInTest {
  readonly peer: Peer
  readonly directory: string
  /** Messages and codes that it logged. */
  readonly said: string[]
}

/** A peer that was made and not started. */
function peerOf(
  undo: Undo,
  { directory, seed }: SeedInTest,
  node: string,
  settings: object = {},
  clock: Clock = systemClock,
): PeerInTest {
  const flags = {
    node,
    stateDirectory: join(directory, node),
    'seed.url': seed.nodesUrl,
    'credential.joinTokenFile': join(directory, `${node}.token`),
    'swarm.port': 0,
    'dht.port': 0,
    'api.port': 0,
    ...settings,
  }
  const said: string[] = []
  const peer = createPeer(loadPeerConfig({ env: {}, flags }), { logger: recorder(said), clock })
  undo.after(() => peer.stop())
  return { peer, directory: join(directory, node), said }
}

function recorder(said: string[]): Logger {
  const note = (fields: Record<string, unknown>, message: string) => said.push(`${fields.code ?? ''} ${message}`)
  const logger: Logger = { debug: note, info: note, warn: note, error: note, child: () => logger }
  return logger
}

async function giveToken({ directory, client }: SeedInTest, node: string, to = node): Promise<void> {
  const { token } = await client.createJoinToken({ body: { node: to } })
  await writeFile(join(directory, `${node}.token`), token)
}

async function registered(client: Client, node: string): Promise<boolean> {
  return (await client.listNodes()).nodes.some(({ id, inventory }) => id === node && inventory !== null)
}

function issue(authority: CertificateAuthority, identity: Identity, notBefore: number, lifetimeMs: number) {
  const { privateKey, request } = newCredentialRequest(identity.name)
  const publicKey = readCertificateRequest(request)
  return createCredential(privateKey, [authority.issue({ publicKey, identity, notBefore, lifetimeMs })])
}

/** Over TLS, from nobody; the status. */
async function post(url: string, body: object): Promise<number | undefined> {
  const headers = { 'content-type': 'application/json' }
  const sent = request(url, { method: 'POST', agent: false, rejectUnauthorized: false, headers })
  sent.end(JSON.stringify(body))
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  answer.resume()
  return answer.statusCode
}

function test(name: string, run: (undo: Undo) => Promise<void>): void {
  it(name, (t: TestContext) => run(undoAfter(t)))
}

describe('a node', () => {
  test('joins with a token once, and then goes by its certificate', async (undo) => {
    const cluster = await seedIn(undo)
    await giveToken(cluster, 'n1')
    const first = peerOf(undo, cluster, 'n1')
    await first.peer.start()
    await until('n1 reported', () => registered(cluster.client, 'n1'))
    assert.equal((await stat(join(first.directory, 'credential.pem'))).mode & 0o777, 0o600)
    assert.deepEqual((await cluster.client.listJoinTokens()).tokens, [])
    await first.peer.stop()
    await rm(join(cluster.directory, 'n1.token'))
    const again = peerOf(undo, cluster, 'n1')
    await again.peer.start()
    assert.equal((await again.peer.status()).registered, true)
  })

  test('that was killed before it kept its certificate joins with the same token', async (undo) => {
    const cluster = await seedIn(undo)
    await giveToken(cluster, 'n1')
    const directory = join(cluster.directory, 'n1')
    await mkdir(directory)
    // What the first run did until then: its key was kept, its token used up, and the answer lost.
    const { request: pem } = await openJoinKey(join(directory, 'join-key.pem'), 'n1')
    const token = await readFile(join(cluster.directory, 'n1.token'), 'utf8')
    assert.equal(await post(`${cluster.seed.nodesUrl}/v1/join`, { token, node: 'n1', request: pem }), 200)
    const { peer } = peerOf(undo, cluster, 'n1')
    await peer.start()
    assert.equal((await peer.status()).registered, true)
    assert.ok(!(await readdir(directory)).includes('join-key.pem'))
  })

  test('waits with a certificate that only a wrong clock would take', async (undo) => {
    const cluster = await seedIn(undo)
    await giveToken(cluster, 'n1')
    let offsetMs = -HOUR_MS / 2
    const clock = { ...systemClock, now: () => Date.now() + offsetMs }
    const { peer, directory, said } = peerOf(undo, cluster, 'n1', {}, clock)
    const started = peer.start()
    await until('it tries on', async () => said.includes('SHOAL_TRUST_EXPIRED cannot join yet; trying on'))
    assert.ok(!(await readdir(directory)).includes('credential.pem'))
    offsetMs = 0
    await started
    assert.equal((await peer.status()).registered, true)
  })

  test('does not start on a token that was used, is missing, or is for another', async (undo) => {
    const cluster = await seedIn(undo)
    await assert.rejects(peerOf(undo, cluster, 'n1').peer.start(), { code: 'SHOAL_PEER_JOIN_TOKEN' })
    await giveToken(cluster, 'n1')
    await peerOf(undo, cluster, 'n1').peer.start()
    await rename(join(cluster.directory, 'n1.token'), join(cluster.directory, 'n2.token'))
    await assert.rejects(peerOf(undo, cluster, 'n2').peer.start(), { code: 'SHOAL_PEER_JOIN_REFUSED' })
    await giveToken(cluster, 'n3', 'n4')
    await assert.rejects(peerOf(undo, cluster, 'n3').peer.start(), { code: 'SHOAL_PEER_JOIN_REFUSED' })
  })

  test('sends its token to no other seed than that of the token', async (undo) => {
    const cluster = await seedIn(undo)
    const impostor = await seedIn(undo)
    await giveToken(cluster, 'n1')
    const peer = peerOf(undo, { ...cluster, seed: impostor.seed }, 'n1')
    await assert.rejects(peer.peer.start(), { code: 'SHOAL_PEER_OTHER_SEED' })
    const { events } = await impostor.client.listEvents()
    assert.deepEqual(
      events.filter(({ type }) => type === 'node.refused' || type === 'node.joined'),
      [],
    )
    assert.equal((await cluster.client.listJoinTokens()).tokens.length, 1)
  })

  test('talks to no seed with a certificate of a node, or of another authority', async (undo) => {
    const cluster = await seedIn(undo)
    await giveToken(cluster, 'n1')
    const joined = peerOf(undo, cluster, 'n1')
    await joined.peer.start()
    await joined.peer.stop()
    const impostor = await seedIn(undo)
    const lured = peerOf(undo, { ...cluster, seed: impostor.seed }, 'n1')
    await lured.peer.start()
    assert.equal((await lured.peer.status()).seedReachable, false)
    assert.equal((await impostor.client.listNodes()).nodes.length, 0)
  })

  test('renews its certificate while it runs', async (undo) => {
    const cluster = await seedIn(undo)
    const path = join(cluster.directory, 'n1', 'credential.pem')
    const authority = await openAuthority(join(cluster.directory, 'seed', 'ca'), { domain: 'shoal', now: Date.now() })
    const old = issue(authority, { role: 'node', name: 'n1' }, Date.now() - 3 * HOUR_MS, 4 * HOUR_MS)
    await mkdir(join(cluster.directory, 'n1'))
    await storeCredential(path, old)
    await writeFile(join(cluster.directory, 'n1', 'authorities.pem'), authority.certificate.toString())
    const { peer, said } = peerOf(undo, cluster, 'n1')
    await peer.start()
    await until('it is renewed', async () => said.includes(' the certificate was renewed'), { timeoutMs: 20_000 })
    assert.ok(!(await readFile(path, 'utf8')).includes(credentialToPem(old).key))
    // Requests go on, with the new one: the old one is refused.
    await cluster.client.revokeNode({ params: { node: 'n1' } })
    await until('it is refused', async () => said.some((line) => line.startsWith('SHOAL_TRUST_REVOKED')))
  })

  test('that is revoked is refused, goes on with what needs nobody, and joins again', async (undo) => {
    const cluster = await seedIn(undo)
    const [n1, n2] = [peerOf(undo, cluster, 'n1'), peerOf(undo, cluster, 'n2')]
    for (const node of ['n1', 'n2']) await giveToken(cluster, node)
    await Promise.all([n1.peer.start(), n2.peer.start()])
    await until('n2 reported', () => registered(cluster.client, 'n2'))
    await cluster.client.revokeNode({ params: { node: 'n1' } })
    await until('n1 is told', async () => n1.said.some((line) => line.startsWith('SHOAL_TRUST_REVOKED')))
    await until('n2 knows', async () => n2.said.includes(' took a newer revocation list'))
    await n1.peer.stop()
    const refused = peerOf(undo, cluster, 'n1')
    await refused.peer.start()
    await until('it says so', async () => refused.said.some((line) => line.startsWith('SHOAL_PEER_CREDENTIAL_REFUSED')))
    assert.equal((await refused.peer.status()).registered, false)
    await refused.peer.stop()
    await rm(join(cluster.directory, 'n1', 'credential.pem'))
    await giveToken(cluster, 'n1')
    const again = peerOf(undo, cluster, 'n1')
    await again.peer.start()
    assert.equal((await again.peer.status()).registered, true)
  })

  test("goes by an operator's authority, whose files are read again when they change", async (undo) => {
    const directory = await mkdtemp(join(tmpdir(), 'shoal-operator-'))
    undo.after(() => rm(directory, { recursive: true, force: true }))
    const [before, after] = [0, 1].map(() => CertificateAuthority.create({ domain: 'shoal', now: Date.now() }))
    assert.ok(before !== undefined && after !== undefined)
    const file = (name: string) => join(directory, name)
    const put = async (name: string, authority: CertificateAuthority, identity: Identity) => {
      const { key, cert } = credentialToPem(issue(authority, identity, Date.now() - HOUR_MS, 3 * HOUR_MS))
      await writeFile(file(`${name}.key`), key)
      await writeFile(file(`${name}.crt`), cert)
    }
    const trust = (...authorities: CertificateAuthority[]) =>
      writeFile(file('ca.crt'), authorities.map(({ certificate }) => certificate.toString()).join(''))
    const settings = (section: string, name: string) => ({
      [`${section}.certificateFile`]: file(`${name}.crt`),
      [`${section}.keyFile`]: file(`${name}.key`),
      [`${section}.authoritiesFile`]: file('ca.crt'),
    })
    await trust(before)
    await put('seed', before, { role: 'seed', name: 'seed' })
    await put('n1', before, { role: 'node', name: 'n1' })
    const cluster = await seedIn(undo, settings('tls', 'seed'))
    const { peer, said } = peerOf(undo, cluster, 'n1', settings('credential', 'n1'))
    await peer.start()
    assert.equal((await peer.status()).registered, true)
    await assert.rejects(cluster.client.createJoinToken({ body: {} }), { code: 'SHOAL_JOIN_AUTHORITY' })

    // First both are trusted, then certificates of the new one are put in place, then the old one goes.
    const seen = () => said.filter((line) => line.includes('were read anew')).length
    await trust(before, after)
    await until('the node trusts both', async () => seen() >= 1, { timeoutMs: 20_000 })
    await put('n1', after, { role: 'node', name: 'n1' })
    await until('the node shows the new one', async () => seen() >= 2, { timeoutMs: 20_000 })
    await put('seed', after, { role: 'seed', name: 'seed' })
    await trust(after)
    await until('the node trusts the new one alone', async () => seen() >= 3, { timeoutMs: 20_000 })
    await until('it is heard', async () => {
      const [node] = (await cluster.client.listNodes()).nodes
      return node !== undefined && Date.now() - Date.parse(node.lastSeenAt) < 1000
    })
  })
})

/** Imports an image of a MiB, gives it to a node, and waits until that has it. */
async function giveLayer({ directory, client }: SeedInTest, node: string): Promise<string> {
  await writeFile(join(directory, 'new'), Buffer.concat([Buffer.alloc(4096), randomBytes(1024 * 1024)]))
  await rename(join(directory, 'new'), join(directory, 'images', 'image.raw'))
  const { id } = await until('the image is seen', async () => (await client.listImages()).images[0])
  await client.importImage({ params: { image: id } })
  const layer = await until('it is published', async () => {
    const { layer, import: made } = await client.showImage({ params: { image: id } })
    return made?.state === 'published' ? (layer ?? undefined) : undefined
  })
  await client.assign({ body: { layer, nodes: [node] } })
  await until(`${node} has it`, async () => {
    const { nodes } = await client.listNodes()
    return nodes.find(({ id }) => id === node)?.inventory?.layers[0]?.state === 'complete'
  })
  return layer
}

async function refusals(url: string, token: string): Promise<string[]> {
  const text = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text()
  return [...text.matchAll(/shoal_swarm_refused_total\{kind="(\w+)",reason="([\w-]+)"\} [1-9]/g)].map(
    ([, kind, reason]) => `${kind} ${reason}`,
  )
}

describe('a node that somebody took over', () => {
  test('gets nothing of a layer that is not its own, from no peer, the origin or the tracker', async (undo) => {
    const cluster = await seedIn(undo, { 'library.pollIntervalMs': '200' })
    const { seed, client, directory } = cluster
    await giveToken(cluster, 'n1')
    const n1 = peerOf(undo, cluster, 'n1')
    await n1.peer.start()
    const layer = await giveLayer(cluster, 'n1')

    // All that it may know: a good certificate, the torrent with the info hash, the addresses; not the seed's key.
    const authority = await openAuthority(join(directory, 'seed', 'ca'), { domain: 'shoal', now: Date.now() })
    const credential = issue(authority, { role: 'node', name: 'n2' }, Date.now() - HOUR_MS, 3 * HOUR_MS)
    const encodedManifest = await client.getManifest({ params: { layer } })
    const { publicKey, tracker } = await client.status()
    const manifest = decodeManifest(encodedManifest, [decodePublicKey(publicKey)])
    const torrent = await client.getTorrent({ params: { layer } })
    const store = createMemoryLayerStore()
    await store.open()
    const stored = await store.create({ manifest, encodedManifest, torrent })
    const trust = new ClusterTrust({ clock: systemClock }, { credential, authorities: [authority.certificate] })
    const forged = encodeLayerGrant(
      { node: 'n2', infoHash: manifest.infoHash },
      Date.now() + HOUR_MS,
      generateKeyPairSync('ed25519').privateKey,
    )
    const identity = clusterIdentity(trust, systemClock, { own: () => forged, keys: () => [] })
    const swarm = createSwarm(
      { clock: systemClock, logger: silentLogger, buffers: stored.buffers, identity },
      {
        ...{ role: 'peer', node: 'n2', host: '127.0.0.1', port: 0, dht: false },
        trackers: tracker.announceUrls,
        announceIntervalMs: 1000,
      },
    )
    undo.after(() => swarm.close())
    await swarm.start()
    const joined = await swarm.join(stored)
    const apiToken = (await readFile(join(n1.directory, 'api-token'), 'utf8')).trim()
    await until('the tracker has refused it', async () =>
      (await refusals(seed.url, seed.operatorToken)).includes('announce no-grant'),
    )
    assert.equal(joined.stats().peers, 0, 'nobody was named to it')
    const [node] = (await client.listNodes()).nodes
    joined.addPeers([node?.swarmAddress ?? '', (await client.status()).swarm.address])
    await until('origin and peer have refused it', async () => {
      const [atSeed, atPeer] = await Promise.all([
        refusals(seed.url, seed.operatorToken),
        refusals(n1.peer.apiUrl, apiToken),
      ])
      return atSeed.includes('wire bad-grant') && atPeer.includes('wire bad-grant')
    })
    assert.equal(stored.presentBytes, 0)
  })
})
