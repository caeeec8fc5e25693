import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { createClient } from '@shoal/api'
import { BlockBuffers, type ShoalError, silentLogger, systemClock } from '@shoal/core'
import { createPeer, loadPeerConfig } from '@shoal/peer'
import { createSwarm } from '@shoal/swarm'
import { layerFixture, pretending, signingKey } from './layer-fixture.ts'
import { eventually, layerOf, peerSettings, startPeer, testDirectory } from './peer-fixture.ts'
import { StandInSeed } from './stand-in-seed.ts'

const MIB = 1024 ** 2

test('two peers get an assigned layer, verified, report it, and still hold it after a restart with the seed dead', async () => {
  const { privateKey, publicKey } = signingKey()
  const layer = layerFixture(privateKey, { sizeBytes: 8 * MIB })
  const { digest } = layer.manifest
  await using directory = await testDirectory()
  await using other = await testDirectory()
  const seed = await new StandInSeed({ publicKey }).start()
  try {
    await seed.publish(layer)
    seed.desire({ assigned: [digest] })
    const settings = await peerSettings(directory.path, seed.url)
    const otherSettings = { ...(await peerSettings(other.path, seed.url)), node: 'node-2' }
    {
      await using first = await startPeer(settings)
      await using second = await startPeer(otherSettings)
      for (const peer of [first, second]) {
        const held = await eventually(
          async () => {
            const found = await layerOf(peer, digest)
            return found?.state === 'complete' ? found : undefined
          },
          { what: 'layer complete' },
        )
        equal(Buffer.compare(await readFile(held.path), layer.data), 0)
      }
      const complete = await eventually(
        () => {
          const found = seed.events.filter(({ type }) => type === 'layer.complete')
          return found.length >= 2 ? found : undefined
        },
        { what: 'both nodes report layer.complete' },
      )
      deepEqual(complete.map(({ node }) => node).sort(), ['node-1', 'node-2'])
      for (const { details, layer: of } of complete) {
        equal(of, digest)
        equal(details.sizeBytes, layer.data.length)
        ok(Number(details.fromOriginBytes) + Number(details.fromPeersBytes) >= layer.data.length)
        ok(Number(details.seconds) > 0)
      }
    }
    await seed[Symbol.asyncDispose]()
    await using first = await startPeer(settings)
    const status = await first.status()
    equal(status.seedReachable, false)
    equal(status.registered, false)
    equal(status.layers[0]?.state, 'complete')
    await using second = await startPeer(otherSettings)
    equal((await layerOf(second, digest))?.state, 'complete')
  } finally {
    await seed[Symbol.asyncDispose]()
  }
})

test('a node in quarantine gives nothing to others, also after a restart with the seed dead, and says so', async () => {
  const { privateKey, publicKey } = signingKey()
  const layer = layerFixture(privateKey, { sizeBytes: 4 * MIB })
  const { digest } = layer.manifest
  await using directory = await testDirectory()
  await using other = await testDirectory()
  await using seed = await new StandInSeed({ publicKey }).start()
  await seed.publish(layer)
  seed.desire({ assigned: [digest] })
  seed.quarantine(['node-1'])
  const complete = (peer: Awaited<ReturnType<typeof startPeer>>) =>
    eventually(
      async () => {
        const found = await layerOf(peer, digest)
        return found?.state === 'complete' ? found : undefined
      },
      { what: 'layer complete' },
    )
  const settings = await peerSettings(directory.path, seed.url)
  {
    await using first = await startPeer(settings)
    equal((await complete(first)).fromOriginBytes, layer.data.length)
    await using second = await startPeer({ ...(await peerSettings(other.path, seed.url)), node: 'node-2' })
    equal((await complete(second)).fromOriginBytes, layer.data.length)
    equal((await layerOf(first, digest))?.uploadedBytes, 0)
    equal((await first.status()).mode?.mode, 'quarantined')
    equal((await second.status()).mode?.mode, 'active')
  }
  await seed[Symbol.asyncDispose]()
  await using first = await startPeer(settings)
  equal((await first.status()).mode?.mode, 'quarantined')
})

test('a revoked layer is left and removed, its file too', async () => {
  const { privateKey, publicKey } = signingKey()
  const layer = layerFixture(privateKey, { sizeBytes: MIB })
  const { digest } = layer.manifest
  await using directory = await testDirectory()
  await using seed = await new StandInSeed({ publicKey }).start()
  await seed.publish(layer)
  await using peer = await startPeer(await peerSettings(directory.path, seed.url))
  seed.desire({ assigned: [digest] })
  const { path } = await eventually(
    async () => {
      const found = await layerOf(peer, digest)
      return found?.state === 'complete' ? found : undefined
    },
    { what: 'layer complete' },
  )
  ok(existsSync(path))
  seed.desire({ revoked: [digest] })
  await eventually(async () => (await layerOf(peer, digest)) === undefined, { what: 'layer gone' })
  equal(existsSync(path), false)
})

test('a manifest with a wrong signature is refused and nothing of the layer is stored', async () => {
  const { privateKey, publicKey } = signingKey()
  const layer = layerFixture(privateKey, { sizeBytes: MIB })
  const { digest } = layer.manifest
  const tampered = Buffer.from(layer.encodedManifest)
  tampered.writeUInt8(tampered.readUInt8(150) ^ 1, 150)
  await using directory = await testDirectory()
  await using seed = await new StandInSeed({ publicKey }).start()
  await seed.publish(layer, { encodedManifest: tampered })
  seed.desire({ assigned: [digest] })
  await using peer = await startPeer(await peerSettings(directory.path, seed.url))
  const failed = await eventually(
    async () => {
      const found = await layerOf(peer, digest)
      return found?.state === 'failed' ? found : undefined
    },
    { what: 'layer failed' },
  )
  equal(failed.error?.code, 'SHOAL_MANIFEST_SIGNATURE')
  equal(failed.path, '')
  equal(failed.presentBytes, 0)
  const event = await eventually(() => seed.events.find(({ type }) => type === 'layer.failed'), { what: 'event' })
  equal(event.details.code, 'SHOAL_MANIFEST_SIGNATURE')
})

test('a peer that sends a corrupt block is banned and named to the seed, and the layer completes without it', async () => {
  const { privateKey, publicKey } = signingKey()
  const layer = layerFixture(privateKey, { sizeBytes: 4 * MIB })
  const { digest } = layer.manifest
  await using directory = await testDirectory()
  await using seed = await new StandInSeed({ publicKey, originUpBytesPerSecond: 8 * MIB }).start()
  await seed.publish(layer)
  const host = '127.0.0.66'
  const liar = createSwarm(
    { logger: silentLogger, clock: systemClock, buffers: new BlockBuffers({ count: 8 }) },
    { role: 'peer', node: 'liar', host, port: 0, dht: false, trackers: [] },
  )
  await liar.start()
  try {
    await liar.join(pretending(layer))
    seed.extraPeers.push(liar.address)
    seed.desire({ assigned: [digest] })
    await using peer = await startPeer(await peerSettings(directory.path, seed.url))
    await eventually(async () => (await layerOf(peer, digest))?.state === 'complete' || undefined, { what: 'complete' })
    const event = await eventually(() => seed.events.find(({ type }) => type === 'peer.banned'), { what: 'event' })
    equal(event.layer, digest)
    equal(event.details.node, 'liar')
    equal(event.details.layer, digest)
    equal(typeof event.details.block, 'number')
    ok(String(event.details.address).startsWith(`${host}:`))
    const [ban] = (await peer.status()).banned
    equal(ban?.layer, digest)
  } finally {
    await liar.close()
  }
})

test('a key other than the pinned one is not trusted, even from the same seed', async () => {
  const first = signingKey()
  const second = signingKey()
  await using directory = await testDirectory()
  const seed = await new StandInSeed({ publicKey: first.publicKey }).start()
  const settings = await peerSettings(directory.path, seed.url)
  await (await startPeer(settings)).stop()
  const { port } = new URL(seed.url)
  await seed[Symbol.asyncDispose]()
  const layer = layerFixture(second.privateKey, { sizeBytes: MIB })
  await using impostor = await new StandInSeed({ publicKey: second.publicKey, port: Number(port) }).start()
  await impostor.publish(layer)
  impostor.desire({ assigned: [layer.manifest.digest] })
  await using peer = await startPeer(settings)
  const failed = await eventually(
    async () => {
      const found = await layerOf(peer, layer.manifest.digest)
      return found?.state === 'failed' ? found : undefined
    },
    { what: 'layer failed' },
  )
  equal(failed.error?.code, 'SHOAL_MANIFEST_SIGNATURE')
})

test('a seed that comes back and knows nobody is registered with again', async () => {
  const { privateKey, publicKey } = signingKey()
  const layer = layerFixture(privateKey, { sizeBytes: MIB })
  await using directory = await testDirectory()
  const seed = await new StandInSeed({ publicKey }).start()
  await using peer = await startPeer(await peerSettings(directory.path, seed.url))
  equal((await peer.status()).registered, true)
  const { port } = new URL(seed.url)
  await seed[Symbol.asyncDispose]()
  await eventually(async () => !(await peer.status()).seedReachable, { what: 'seed missed' })
  await using back = await new StandInSeed({ publicKey, port: Number(port) }).start()
  await back.publish(layer)
  back.desire({ assigned: [layer.manifest.digest] })
  await eventually(async () => (await layerOf(peer, layer.manifest.digest))?.state === 'complete' || undefined, {
    what: 'layer complete from the seed that came back',
  })
  ok(back.nodes.has('node-1'))
})

test('a peer that starts before its seed registers once the seed is there', async () => {
  const { publicKey } = signingKey()
  await using directory = await testDirectory()
  const settings = await peerSettings(directory.path, 'http://127.0.0.1:9')
  const placeholder = await new StandInSeed({ publicKey }).start()
  const { port } = new URL(placeholder.url)
  await placeholder[Symbol.asyncDispose]()
  await using peer = await startPeer({ ...settings, 'seed.url': `http://127.0.0.1:${port}` })
  equal((await peer.status()).registered, false)
  await using seed = await new StandInSeed({ publicKey, port: Number(port) }).start()
  await eventually(async () => (await peer.status()).registered || undefined, { what: 'registered' })
  ok(seed.nodes.has('node-1'))
})

test('a token that is refused only once the seed is there is fatal too, with the same code', async () => {
  const { publicKey } = signingKey()
  await using directory = await testDirectory()
  const placeholder = await new StandInSeed({ publicKey }).start()
  const { port } = new URL(placeholder.url)
  await placeholder[Symbol.asyncDispose]()
  const settings = await peerSettings(directory.path, placeholder.url)
  const wrong = join(directory.path, 'wrong-token')
  await writeFile(wrong, 'not-the-token-of-this-seed')
  const config = loadPeerConfig({ env: {}, flags: { ...settings, 'seed.tokenFile': wrong } })
  const fatal = Promise.withResolvers<ShoalError>()
  await using peer = createPeer(config, { logger: silentLogger, onFatal: fatal.resolve })
  await peer.start()
  equal((await peer.status()).seedReachable, false)
  await using seed = await new StandInSeed({ publicKey, port: Number(port) }).start()
  equal((await fatal.promise).code, 'SHOAL_PEER_TOKEN_REFUSED')
  equal(seed.nodes.size, 0)
})

test('a refused token, a missing token file, a port in use and a locked state each end the start with their code', async () => {
  const { publicKey } = signingKey()
  await using directory = await testDirectory()
  await using seed = await new StandInSeed({ publicKey }).start()
  const settings = await peerSettings(directory.path, seed.url)
  const wrong = join(directory.path, 'wrong-token')
  await writeFile(wrong, 'not-the-token-of-this-seed')
  await rejects(startPeer({ ...settings, 'seed.tokenFile': wrong }), { code: 'SHOAL_PEER_TOKEN_REFUSED' })
  const missing = join(directory.path, 'missing')
  await rejects(startPeer({ ...settings, 'seed.tokenFile': missing }), { code: 'SHOAL_PEER_TOKEN_FILE' })
  await rejects(startPeer({ ...settings, stateDirectory: join(wrong, 'below-a-file') }), {
    code: 'SHOAL_PEER_DIRECTORY',
  })

  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  const address = holder.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await rejects(startPeer({ ...settings, 'swarm.port': port }), { code: 'SHOAL_SWARM_PORT_IN_USE' })
  await rejects(startPeer({ ...settings, 'api.port': port }), { code: 'SHOAL_HTTP_PORT_IN_USE' })
  holder.close()

  await using running = await startPeer(settings)
  ok((await running.status()).registered)
  await rejects(startPeer(settings), { code: 'SHOAL_STATE_LOCKED' })
})

test('its own API shows the status and verifies a layer; a block that rotted on disk is fetched again', async () => {
  const { privateKey, publicKey } = signingKey()
  const layer = layerFixture(privateKey, { sizeBytes: 2 * MIB })
  const { digest } = layer.manifest
  await using directory = await testDirectory()
  await using seed = await new StandInSeed({ publicKey }).start()
  await seed.publish(layer)
  seed.desire({ assigned: [digest] })
  const settings = await peerSettings(directory.path, seed.url)
  await using peer = await startPeer(settings)
  await eventually(async () => (await layerOf(peer, digest))?.state === 'complete' || undefined, { what: 'complete' })

  await rejects(createClient({ baseUrl: peer.apiUrl }).localStatus(), { code: 'SHOAL_HTTP_UNAUTHORIZED' })
  const token = (await readFile(join(directory.path, 'peer', 'api-token'), 'utf8')).trim()
  const client = createClient({ baseUrl: peer.apiUrl, token })
  const status = await client.localStatus()
  equal(status.node, 'node-1')
  const [held] = status.layers
  deepEqual(await client.verifyLayer({ params: { layer: digest } }), {
    layer: digest,
    checkedBlocks: 16,
    badBlocks: [],
    digestMatches: true,
  })
  await rejects(client.verifyLayer({ params: { layer: `sha256:${'0'.repeat(64)}` } }), {
    code: 'SHOAL_PEER_LAYER_UNKNOWN',
  })

  const rotten = Buffer.from(layer.data)
  rotten.writeUInt8(rotten.readUInt8(300_000) ^ 1, 300_000)
  await writeFile(held?.path ?? '', rotten, { flag: 'r+' })
  const found = await client.verifyLayer({ params: { layer: digest } })
  deepEqual(found.badBlocks, [2])
  await eventually(async () => (await layerOf(peer, digest))?.state === 'complete' || undefined, {
    what: 'complete again',
  })
  equal(Buffer.compare(await readFile(held?.path ?? ''), layer.data), 0)

  const metrics = await fetch(`${peer.apiUrl}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  ok((await metrics.text()).includes('shoal_peer_layers{state="complete"} 1'))
})
