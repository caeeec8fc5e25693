import { equal, ok } from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { PeerLayer } from '@shoal/api'
import { type Digest, silentLogger, systemClock } from '@shoal/core'
import { createLayerStore } from '@shoal/layer-store'
import { openLevelState } from '@shoal/state'
import { layerFixture, signingKey } from './layer-fixture.ts'
import { eventually, layerOf, peerSettings, startPeer, testDirectory } from './peer-fixture.ts'
import { type PeerProcess, startPeerProcess } from './peer-process.ts'
import { StandInSeed } from './stand-in-seed.ts'

const MIB = 1024 ** 2
const isRoot = process.getuid?.() === 0

async function reported(peer: PeerProcess, digest: Digest): Promise<PeerLayer | undefined> {
  return (await peer.client.localStatus()).layers.find((layer) => layer.digest === digest)
}

async function completed(peer: PeerProcess, digest: Digest): Promise<PeerLayer> {
  return eventually(
    async () => {
      const layer = await reported(peer, digest)
      return layer?.state === 'complete' ? layer : undefined
    },
    { what: 'layer complete', timeoutMs: 60_000 },
  )
}

test('a daemon killed in the middle of a transfer fetches no durable block again', async () => {
  const { privateKey, publicKey } = signingKey()
  const layer = layerFixture(privateKey, { sizeBytes: 12 * MIB })
  const { digest } = layer.manifest
  await using directory = await testDirectory()
  await using seed = await new StandInSeed({ publicKey, originUpBytesPerSecond: 4 * MIB }).start()
  await seed.publish(layer)
  seed.desire({ assigned: [digest] })
  const settings = await peerSettings(directory.path, seed.url)
  {
    await using first = await startPeerProcess(directory.path, settings)
    await eventually(async () => ((await reported(first, digest))?.presentBytes ?? 0) > 6 * MIB || undefined, {
      what: 'half of the layer present',
    })
    equal(await first.end('SIGKILL'), null)
  }
  const durableBytes = await durableBytesOf(join(directory.path, 'peer'), digest)
  ok(durableBytes > 2 * MIB, `${durableBytes} bytes are durable`)
  ok(durableBytes < layer.data.length)

  await using second = await startPeerProcess(directory.path, settings)
  const { fromOriginBytes, fromPeersBytes } = await completed(second, digest)
  equal(fromOriginBytes + fromPeersBytes, layer.data.length - durableBytes)
  equal((await second.client.verifyLayer({ params: { layer: digest } })).digestMatches, true)
  await eventually(() => seed.events.find(({ type }) => type === 'layer.complete'), { what: 'layer.complete' })
  equal(await second.end('SIGTERM'), 0)
})

test('with the seed dead a restarted node completes from another that holds the layer', async () => {
  const { privateKey, publicKey } = signingKey()
  const layer = layerFixture(privateKey, { sizeBytes: 4 * MIB })
  const { digest } = layer.manifest
  await using directory = await testDirectory()
  await using other = await testDirectory()
  const seed = await new StandInSeed({ publicKey, originUpBytesPerSecond: 2 * MIB }).start()
  const settings = await peerSettings(directory.path, seed.url)
  const otherSettings = { ...(await peerSettings(other.path, seed.url)), node: 'node-2' }
  try {
    await seed.publish(layer)
    seed.desire({ assigned: [digest] })
    const first = await startPeer(settings)
    await eventually(async () => (await layerOf(first, digest))?.state === 'complete' || undefined, {
      what: 'complete',
    })
    const { swarmAddress } = await first.status()
    await first.stop()
    settings['swarm.port'] = Number(swarmAddress.split(':')[1])
    await using second = await startPeer(otherSettings)
    await eventually(async () => ((await layerOf(second, digest))?.presentBytes ?? 0) > 0 || undefined, {
      what: 'begun',
    })
  } finally {
    await seed[Symbol.asyncDispose]()
  }
  await using holder = await startPeer(settings)
  await using second = await startPeer(otherSettings)
  const before = await layerOf(second, digest)
  equal(before?.state === 'complete', false)
  const done = await eventually(
    async () => {
      const found = await layerOf(second, digest)
      return found?.state === 'complete' ? found : undefined
    },
    { what: 'complete without the seed' },
  )
  equal(done.fromOriginBytes, 0)
  ok((await holder.status()).layers.every(({ uploadedBytes }) => uploadedBytes > 0))
})

test('a full disk fails the layer, not the daemon, and the layer completes once there is space', {
  skip: isRoot ? false : 'needs root to mount a small file system',
}, async () => {
  const { privateKey, publicKey } = signingKey()
  const layer = layerFixture(privateKey, { sizeBytes: 6 * MIB })
  const { digest } = layer.manifest
  await using directory = await testDirectory()
  await using seed = await new StandInSeed({ publicKey }).start()
  await seed.publish(layer)
  seed.desire({ assigned: [digest] })
  const small = join(directory.path, 'small')
  await mkdir(small)
  const settings = {
    ...(await peerSettings(directory.path, seed.url)),
    'store.directory': small,
    'cache.minFreeBytes': 0,
  }
  const mount = `mount -t tmpfs -o size=3m tmpfs ${small} && exec "$0" "$@"`
  await using peer = await startPeerProcess(directory.path, settings, { wrap: ['unshare', '-m', 'sh', '-c', mount] })
  const failed = await eventually(
    async () => {
      const found = await reported(peer, digest)
      return found?.state === 'failed' ? found : undefined
    },
    { what: 'layer failed' },
  )
  equal(failed.error?.code, 'SHOAL_CACHE_TOO_LARGE')
  await eventually(() => seed.events.find(({ type }) => type === 'store.no-space'), { what: 'store.no-space' })
  const enter = ['-t', String(peer.child.pid), '-m', 'mount', '-o', 'remount,size=32m', small]
  await promisify(execFile)('nsenter', enter)
  await completed(peer, digest)
  equal((await peer.client.verifyLayer({ params: { layer: digest } })).digestMatches, true)
  equal((await reported(peer, digest))?.error, null)
})

test('on a disk that others filled to the last byte meanwhile a daemon starts and serves what it has', {
  skip: isRoot ? false : 'needs root to mount a small file system',
}, async () => {
  const { privateKey, publicKey } = signingKey()
  const layer = layerFixture(privateKey, { sizeBytes: 6 * MIB })
  const { digest } = layer.manifest
  await using directory = await testDirectory()
  await using seed = await new StandInSeed({ publicKey }).start()
  await seed.publish(layer)
  seed.desire({ assigned: [digest] })
  const settings: Record<string, unknown> = {
    ...(await peerSettings(directory.path, seed.url)),
    'cache.minFreeBytes': 0,
  }
  const disk = String(settings.stateDirectory)
  await mkdir(disk)
  await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=320m', 'tmpfs', disk])
  try {
    await using first = await startPeerProcess(directory.path, settings)
    await completed(first, digest)
    await first.end('SIGKILL')
    await writeFile(join(disk, 'of-another'), Buffer.alloc(320 * MIB)).catch(() => {})
    const { bavail } = await statfs(disk)
    equal(bavail, 0)
    await using second = await startPeerProcess(directory.path, settings)
    equal((await second.client.verifyLayer({ params: { layer: digest } })).digestMatches, true)
    equal((await reported(second, digest))?.state, 'complete')
    equal(await second.end('SIGTERM'), 0)
  } finally {
    await promisify(execFile)('umount', ['-l', disk])
  }
})

test('serving exits with 2 and the code for an unknown key, a swarm for everybody, and a refused token', async () => {
  const { publicKey } = signingKey()
  await using directory = await testDirectory()
  await using seed = await new StandInSeed({ publicKey }).start()
  const file = join(directory.path, 'peer.json')
  await writeFile(file, JSON.stringify({ seed: { url: seed.url }, swam: { port: 1 } }))
  const unknownKey = await serve(file)
  equal(unknownKey.code, 2)
  ok(unknownKey.stderr.includes('SHOAL_CONFIG_INVALID'))
  ok(unknownKey.stderr.includes('swam'))
  const refused = { stateDirectory: join(directory.path, 'p'), seed: { url: seed.url }, swarm: { port: 0 } }
  const rest = { dht: { enabled: false }, api: { port: 0 }, log: { level: 'silent' } }
  await writeFile(file, JSON.stringify({ ...refused, ...rest }))
  const open = await serve(file)
  equal(open.code, 2)
  ok(open.stderr.includes('SHOAL_SWARM_OPEN'))
  await writeFile(file, JSON.stringify({ ...refused, ...rest, swarm: { port: 0, open: true } }))
  const noToken = await serve(file)
  equal(noToken.code, 2)
  ok(noToken.stderr.includes('SHOAL_PEER_TOKEN_REFUSED'))
})

async function serve(file: string): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'serve-child.ts'), file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stderr }
}

/** What a dead daemon's store holds durably. */
async function durableBytesOf(stateDirectory: string, digest: Digest): Promise<number> {
  await using state = await openLevelState(join(stateDirectory, 'state'))
  await using store = createLayerStore(
    { state, logger: silentLogger, clock: systemClock },
    { directory: join(stateDirectory, 'layers') },
  )
  await store.open()
  return store.get(digest)?.presentBytes ?? 0
}
