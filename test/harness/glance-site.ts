import { randomInt } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type OpenStack, type OpenStackOptions, startOpenStack } from '../../infra/openstack/openstack.ts'
import { type Cluster, type ClusterOptions, createCluster } from './cluster.ts'
import type { Undo } from './undo.ts'
import { until } from './until.ts'

const ENDPOINT_PORT = 7422

/** A real Keystone and Glance, a seed that reads it, and nodes whose Glance endpoints stand before it. */
export interface GlanceSite {
  readonly directory: string
  readonly openstack: OpenStack
  readonly cluster: Cluster
  /** Base URL of a node's Glance endpoint. */
  endpoint(node: string): string
  /** The value of a counter of a node's metrics, its labels in the order of the exposition; 0 when it is not there. */
  metric(node: string, name: string): Promise<number>
}

export async function createGlanceSite(
  undo: Undo,
  options: {
    readonly peers: number
    readonly openstack?: Omit<OpenStackOptions, 'directory'>
    /** Settings of the endpoint that are not the defaults. */
    readonly glance?: object
    /** Base URL that the endpoints are told, when it is not Glance's own. */
    readonly glanceUrl?: (openstack: OpenStack) => Promise<string>
    readonly peerConfig?: ClusterOptions['peerConfig']
    readonly seedConfig?: object
  },
): Promise<GlanceSite> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-glance-site-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const openstack = await startOpenStack({ directory: join(directory, 'openstack'), ...options.openstack })
  undo.after(() => openstack.stop())
  const url = (await options.glanceUrl?.(openstack)) ?? openstack.glanceUrl
  // Loopback addresses of their own, so that sites side by side never meet.
  const net = `127.${randomInt(1, 100)}.${randomInt(255)}`
  const cluster = await createCluster(undo, {
    ...{ peers: options.peers, library: {}, seedEnv: openstack.env },
    seedConfig: options.seedConfig ?? {},
    peerConfig: (index, root) => ({
      ...options.peerConfig?.(index, root),
      glance: { url, port: ENDPOINT_PORT, host: `${net}.${index + 1}`, ...options.glance },
    }),
  })
  await cluster.startSeed()
  await cluster.startPeers()
  return {
    directory,
    openstack,
    cluster,
    endpoint: (node) => `http://${net}.${node.slice('node'.length)}:${ENDPOINT_PORT}`,
    metric: async (node, name) => {
      const token = (await readFile(join(cluster.directory, node, 'api-token'), 'utf8')).trim()
      const headers = { authorization: `Bearer ${token}` }
      const text = await (await fetch(`${cluster.peer(node).url}/metrics`, { headers })).text()
      const line = text.split('\n').find((one) => one.startsWith(`${name} `))
      return Number(line?.slice(name.length + 1) ?? 0)
    },
  }
}

/** Imports an image ahead, so that its layer is known at once. */
export async function importAhead({ cluster }: GlanceSite, image: string): Promise<string> {
  const imported = await cluster.import(image)
  if (imported.layer === null) throw new Error(`import failed: ${JSON.stringify(imported.import)}`)
  return imported.layer
}

/** Waits until a node's metric is at least that much. */
export function whenMetric(site: GlanceSite, node: string, name: string, least: number): Promise<unknown> {
  return until(`${name} of ${node} is at least ${least}`, async () => (await site.metric(node, name)) >= least)
}
