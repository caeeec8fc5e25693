import type { KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { decodeManifest, decodePublicKey, silentLogger, systemClock } from '@shoal/core'
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

/** Joins the swarm of a layer as a peer that says it has all of it, and of which no block is right. It leaves when told to, or with the test. */
export async function joinAsLiar(
  undo: Undo,
  cluster: Cluster,
  layer: string,
  host = LIAR_HOST,
): Promise<() => Promise<void>> {
  const status = await cluster.client.status()
  const encodedManifest = await cluster.client.getManifest({ params: { layer } })
  const torrent = await cluster.client.getTorrent({ params: { layer } })
  const manifest = decodeManifest(encodedManifest, [decodePublicKey(status.publicKey)])
  const store = createMemoryLayerStore()
  await store.open()
  const empty = await store.create({ manifest, encodedManifest, torrent })
  const liar = createSwarm(
    {
      clock: systemClock,
      logger: silentLogger,
      buffers: empty.buffers,
      identity: await identityOf(cluster, decodePublicKey(status.publicKey)),
    },
    {
      ...{ role: 'peer', node: LIAR, host, port: 0, dht: false },
      trackers: status.tracker.announceUrls,
    },
  )
  await liar.start()
  undo.after(() => liar.close())
  await liar.join(pretending(empty))
  return () => liar.close()
}

/** It is a node like any other: somebody took one over. */
async function identityOf({ directory }: Cluster, key: KeyObject): Promise<SwarmIdentity | undefined> {
  const ca = join(directory, 'seed', 'ca')
  if (!existsSync(ca)) return undefined
  const now = Date.now()
  const authority = await openAuthority(ca, { domain: DEFAULT_TRUST_DOMAIN, now })
  const { privateKey, request } = newCredentialRequest(LIAR)
  const publicKey = readCertificateRequest(request)
  const about = { identity: { role: 'node', name: LIAR }, notBefore: now - 1000, lifetimeMs: 3_600_000 } as const
  const credential = createCredential(privateKey, [authority.issue({ publicKey, ...about })])
  const trust = new ClusterTrust({ clock: systemClock }, { credential, authorities: [authority.certificate] })
  // It says that it has everything, and asks for nothing.
  return clusterIdentity(trust, systemClock, { own: () => undefined, keys: () => [key] })
}

function pretending(layer: StoredLayer): StoredLayer {
  layer.present.setAll()
  return new Proxy(layer, {
    get(target, name) {
      if (name === 'read') return async (_offset: number, length: number) => Buffer.alloc(length, 0xee)
      if (name === 'presentBytes') return layer.manifest.sizeBytes
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
