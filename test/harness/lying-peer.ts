import type { KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { blockSize, decodeManifest, decodePublicKey, silentLogger, systemClock } from '@shoal/core'
import { createMemoryLayerStore, type StoredLayer } from '@shoal/layer-store'
import { clusterIdentity, createSwarm, type SwarmIdentity } from '@shoal/swarm'
import {
  ClusterTrust,
  createCredential,
  DEFAULT_TRUST_DOMAIN,
  newCredentialRequest,
  openAuthority,
  readCertificateRequest,
} from '@shoal/trust'
import type { Cluster } from './cluster.ts'
import type { Undo } from './undo.ts'

/** What it calls itself. */
export const LIAR = 'liar'

/** Whatever it is bound to, the tracker sees it come from this address. */
export const LIAR_HOST = '127.0.0.1'

/** What a peer gives in place of a block that it does not have. */
export type Lie = (layer: string, offset: number, length: number) => Promise<Buffer>

const NONSENSE: Lie = async (_layer, _offset, length) => Buffer.alloc(length, 0xee)

export interface LiarOptions {
  readonly name?: string
  readonly host?: string
  readonly lie?: Lie
}

/** A node of the cluster that says it has all of each layer it joins. */
export interface LyingPeer {
  /** `host:port` of its swarm. */
  readonly address: string
  readonly peerId: string
  join(layer: string): Promise<void>
  leave(): Promise<void>
}

/** Joins the swarm of a layer as a peer that says it has all of it, and of which no block is right. It leaves with the test. */
export async function joinAsLiar(undo: Undo, cluster: Cluster, layer: string): Promise<LyingPeer> {
  const liar = await startLiar(cluster)
  undo.after(() => liar.leave())
  await liar.join(layer)
  return liar
}

export async function startLiar(
  { client, directory }: Pick<Cluster, 'client' | 'directory'>,
  { name = LIAR, host = LIAR_HOST, lie = NONSENSE }: LiarOptions = {},
): Promise<LyingPeer> {
  const status = await client.status()
  const store = createMemoryLayerStore()
  await store.open()
  const identity = await identityOf(directory, name, decodePublicKey(status.publicKey))
  const swarm = createSwarm(
    { clock: systemClock, logger: silentLogger, buffers: store.buffers, identity },
    { ...{ role: 'peer', node: name, host, port: 0, dht: false }, trackers: status.tracker.announceUrls },
  )
  await swarm.start()
  return {
    address: swarm.address,
    peerId: swarm.peerId,
    async join(layer) {
      const encodedManifest = await client.getManifest({ params: { layer } })
      const torrent = await client.getTorrent({ params: { layer } })
      const manifest = decodeManifest(encodedManifest, [decodePublicKey(status.publicKey)])
      await swarm.join(pretending(await store.create({ manifest, encodedManifest, torrent }), lie))
    },
    leave: () => swarm.close(),
  }
}

/** It is a node like any other: somebody took one over. */
async function identityOf(directory: string, name: string, key: KeyObject): Promise<SwarmIdentity | undefined> {
  const ca = join(directory, 'seed', 'ca')
  if (!existsSync(ca)) return undefined
  const now = Date.now()
  const authority = await openAuthority(ca, { domain: DEFAULT_TRUST_DOMAIN, now })
  const { privateKey, request } = newCredentialRequest(name)
  const publicKey = readCertificateRequest(request)
  const about = { identity: { role: 'node', name }, notBefore: now - 1000, lifetimeMs: 3_600_000 } as const
  const credential = createCredential(privateKey, [authority.issue({ publicKey, ...about })])
  const trust = new ClusterTrust({ clock: systemClock }, { credential, authorities: [authority.certificate] })
  // It says that it has everything, and asks for nothing.
  const keys = [key]
  return clusterIdentity(trust, systemClock, { own: () => undefined, keys: () => keys })
}

function pretending(layer: StoredLayer, lie: Lie): StoredLayer {
  layer.present.setAll()
  const { digest } = layer.manifest
  const read = (offset: number, length: number) => lie(digest, offset, length)
  const readBlock = async (block: number) => {
    const length = blockSize(layer.manifest, block)
    const buffer = await layer.buffers.acquireWhenFree()
    buffer.payload(length).set(await read(block * layer.manifest.blockLengthBytes, length))
    return buffer
  }
  return new Proxy(layer, {
    get(target, name) {
      if (name === 'read') return read
      if (name === 'readBlock') return readBlock
      if (name === 'presentBytes') return layer.manifest.sizeBytes
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
