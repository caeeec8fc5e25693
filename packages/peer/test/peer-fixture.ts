import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PeerLayer } from '@shoal/api'
import { type Digest, silentLogger } from '@shoal/core'
import { createPeer, loadPeerConfig, type Peer } from '@shoal/peer'
import { NODE_TOKEN } from './stand-in-seed.ts'

/** A directory of its own for one test, removed at its end. */
export async function testDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'shoal-peer-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Settings of a peer on the loopback with ports of its own, as dotted keys. */
export async function peerSettings(directory: string, seedUrl: string): Promise<Record<string, unknown>> {
  const tokenFile = join(directory, 'node-token')
  await writeFile(tokenFile, NODE_TOKEN)
  return {
    node: 'node-1',
    stateDirectory: join(directory, 'peer'),
    'seed.url': seedUrl,
    'seed.tokenFile': tokenFile,
    'swarm.host': '127.0.0.1',
    'swarm.port': 0,
    'dht.port': 0,
    'api.port': 0,
    'reconcile.intervalMs': 1000,
  }
}

/** A running peer. */
export async function startPeer(settings: Record<string, unknown>): Promise<Peer> {
  const peer = createPeer(loadPeerConfig({ env: {}, flags: settings }), { logger: silentLogger })
  await peer.start()
  return peer
}

/** What a peer says of one layer. */
export async function layerOf(peer: Peer, digest: Digest): Promise<PeerLayer | undefined> {
  return (await peer.status()).layers.find((layer) => layer.digest === digest)
}

/** Waits until `check` gives a value; it is asked every few milliseconds, because the other side is a daemon. */
export async function eventually<T>(
  check: () => T | undefined | Promise<T | undefined>,
  options: { timeoutMs?: number; what: string },
): Promise<T> {
  const deadline = Date.now() + (options.timeoutMs ?? 10_000)
  while (Date.now() < deadline) {
    const value = await check()
    if (value !== undefined && value !== false) return value
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`it did not happen in time: ${options.what}`)
}
