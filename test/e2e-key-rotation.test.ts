import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { type Client, createClient } from '@shoal/api'
import { decodeManifest, decodePublicKey, silentLogger } from '@shoal/core'
import { createPeer, loadPeerConfig, type Peer } from '@shoal/peer'
import { loadSeedConfig, type Seed, startSeed } from '@shoal/seed'
import { runShoal } from './harness/run-shoal.ts'
import { type Undo, undoAfter } from './harness/undo.ts'
import { until } from './harness/until.ts'

const IMAGE_BYTES = 3 * 1024 ** 2

/** A seed with certificates, and peers that join it; all in this process. */
class Cluster {
  readonly #undo: Undo
  readonly directory: string
  #seed: Seed | undefined

  constructor(undo: Undo, directory: string) {
    this.#undo = undo
    this.directory = directory
  }

  get seed(): Seed {
    assert.ok(this.#seed !== undefined)
    return this.#seed
  }

  get client(): Client {
    return createClient({ baseUrl: this.seed.url, token: this.seed.operatorToken })
  }

  async startSeed(): Promise<void> {
    const ports = ['listen', 'tls', 'swarm', 'tracker', 'dht'].map((part) => [`${part}.port`, '0'])
    const flags = {
      ...Object.fromEntries(ports),
      stateDirectory: join(this.directory, 'seed'),
      'library.directory': join(this.directory, 'images'),
      'library.pollIntervalMs': '100',
      'nodes.heartbeatIntervalMs': '200',
    }
    this.#seed = await startSeed(loadSeedConfig({ env: {}, flags }), { logger: silentLogger, env: {} })
    this.#undo.after(() => this.#seed?.stop() ?? Promise.resolve())
  }

  /** Starts a node's daemon, which joins if it has not yet; `publicKey` is what its operator configured. */
  async startPeer(node: string, publicKey: string | null): Promise<Peer> {
    const joinTokenFile = join(this.directory, `${node}.token`)
    const { token } = await this.client.createJoinToken({ body: { node } })
    await writeFile(joinTokenFile, token)
    const flags = {
      ...{ node, stateDirectory: join(this.directory, node), 'seed.url': this.seed.nodesUrl },
      ...(publicKey === null ? {} : { 'seed.publicKey': publicKey }),
      ...{ 'credential.joinTokenFile': joinTokenFile, 'swarm.port': 0, 'dht.port': 0, 'api.port': 0 },
    }
    const peer = createPeer(loadPeerConfig({ env: {}, flags }), { logger: silentLogger })
    this.#undo.after(() => peer.stop())
    await peer.start()
    return peer
  }

  /** Puts an image into the library and gives its layer to all nodes. */
  async publish(name: string): Promise<string> {
    await writeFile(
      join(this.directory, 'images', `${name}.raw`),
      Buffer.concat([Buffer.alloc(4096), randomBytes(IMAGE_BYTES)]),
    )
    const find = async () => (await this.client.listImages()).images.find((image) => image.name === name)
    const { id } = await until(`${name} is seen`, find)
    await this.client.importImage({ params: { image: id } })
    const layer = await until(`${name} is a layer`, async () => (await find())?.layer ?? undefined)
    await this.client.assign({ body: { layer, all: true } })
    return layer
  }
}

async function layerOf(peer: Peer, digest: string) {
  return (await peer.status()).layers.find((layer) => layer.digest === digest)
}

async function holds(peer: Peer, digest: string): Promise<boolean> {
  return (await layerOf(peer, digest))?.state === 'complete'
}

async function trusted(peer: Peer): Promise<string[]> {
  return ((await peer.status()).trustedKeys ?? []).map(({ publicKey }) => publicKey)
}

it('the signing key is rotated twice with one node off: fetching goes on, nothing is fetched again, the old key ends', async (t) => {
  const undo = undoAfter(t)
  const directory = await mkdtemp(join(tmpdir(), 'shoal-rotation-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  await mkdir(join(directory, 'images'))
  const cluster = new Cluster(undo, directory)
  await cluster.startSeed()
  const shoal = async (...command: string[]) => {
    const env = { SHOAL_SEED_URL: cluster.seed.url, SHOAL_TOKEN: cluster.seed.operatorToken }
    const { stdout, stderr } = await runShoal([...command, '--json'], env)
    assert.notEqual(stdout, '', stderr)
    return JSON.parse(stdout)
  }
  const { publicKey: first } = await cluster.client.status()
  // One knows the key from its configuration, one from the first contact.
  const n1 = await cluster.startPeer('n1', null)
  const n2 = await cluster.startPeer('n2', first)
  const before = await cluster.publish('before')
  for (const peer of [n1, n2]) await until('the first image is there', () => holds(peer, before))
  const oldManifest = await cluster.client.getManifest({ params: { layer: before } })

  await n2.stop()
  await shoal('key', 'rotate')
  const { keys } = await shoal('key', 'rotate', '--overlap', '2d')
  const [third, second] = keys.map(({ publicKey }: { publicKey: string }) => publicKey)
  assert.deepEqual(
    keys.map(({ state }: { state: string }) => state),
    ['current', 'trusted', 'trusted'],
  )
  const after = await cluster.publish('after')
  await until('a node that was there has what the new key signed', () => holds(n1, after))
  assert.deepEqual(await trusted(n1), [third, second, first])

  // The seed is started anew as well, and its addresses are others.
  await cluster.seed.stop()
  await n1.stop()
  await cluster.startSeed()
  const [again1, again2] = [await cluster.startPeer('n1', null), await cluster.startPeer('n2', first)]
  await until('the node that was off has it too', () => holds(again2, after))
  assert.deepEqual(await trusted(again2), [third, second, first])

  await shoal('key', 'retire', keys[1].id)
  for (const peer of [again1, again2]) {
    await until('the old keys are not trusted', async () => (await trusted(peer)).join() === third)
    const now = (await trusted(peer)).map(decodePublicKey)
    assert.throws(() => decodeManifest(oldManifest, now), { code: 'SHOAL_MANIFEST_SIGNATURE' })
  }
  await again2.stop()
  const last2 = await cluster.startPeer('n2', first)
  assert.deepEqual(await trusted(last2), [third])
  for (const [peer, digest] of [
    [again1, before],
    [again1, after],
    [last2, before],
    [last2, after],
  ] as const) {
    await until('it is held', () => holds(peer, digest))
    const layer = await layerOf(peer, digest)
    assert.deepEqual([layer?.fromOriginBytes, layer?.fromPeersBytes], [0, 0])
  }
  assert.equal((await cluster.client.status()).library.requests, 0)
})
