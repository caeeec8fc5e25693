import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ComposeRequest, Composition } from '@shoal/api'
import { createLab } from '../../infra/lab/lab.ts'
import { type OpenStack, startOpenStack } from '../../infra/openstack/openstack.ts'
import { type Cluster, createCluster } from './cluster.ts'
import type { Undo } from './undo.ts'
import { until } from './until.ts'

const NODES = [{ name: 'node1' }, { name: 'node2' }]
/** For one step with a gigabyte, on a slow machine. */
const STEP_MS = 300_000

/** A snapshot that came out of a real Glance as base and middle, and is on two nodes. */
export interface LayeredSnapshot {
  readonly cluster: Cluster
  readonly openstack: OpenStack
  /** Its id in Glance. */
  readonly image: string
  readonly middle: string
  /** The middle's size over the snapshot's. */
  readonly middleOverFlat: number
}

/**
 * Uploads a base and a flat snapshot of it, brings the base to two nodes, lets the seed make a middle of the snapshot by itself and
 * brings that to them as well. Needs root.
 */
export async function distributeSnapshot(
  undo: Undo,
  files: { readonly base: string; readonly flat: string },
): Promise<LayeredSnapshot> {
  const lab = await createLab({ core: [{ name: 'seed' }], racks: [{ name: 'rack1', zone: 'zone1', nodes: NODES }] })
  undo.after(() => lab.destroy())
  const directory = await mkdtemp(join(tmpdir(), 'shoal-openstack-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const openstack = await startOpenStack({ directory, host: lab.rootAddress })
  undo.after(() => openstack.stop())
  const baseImage = await openstack.uploadImage({ name: 'base', file: files.base, diskFormat: 'qcow2' })
  const image = await openstack.uploadImage({ name: 'snapshot', file: files.flat, diskFormat: 'qcow2' })

  const cluster = await createCluster(undo, { peers: NODES.length, lab, library: {}, seedEnv: openstack.env })
  await cluster.startSeed()
  await cluster.startPeers()
  const { layer: base } = await cluster.import(baseImage, STEP_MS)
  assert.ok(base !== null)
  await cluster.assign(base)
  await cluster.complete(base, undefined, STEP_MS)

  await cluster.import(image, STEP_MS)
  const layered = await until(
    'the layers of the snapshot',
    async () => {
      const shown = await cluster.client.showImage({ params: { image } })
      return ['published', 'kept-flat', 'failed'].includes(shown.layering?.state ?? '') ? shown : undefined
    },
    { timeoutMs: STEP_MS },
  )
  assert.equal(layered.layering?.state, 'published', JSON.stringify(layered.layering))
  assert.equal(layered.chain[0], base)
  const [, middle = ''] = layered.chain
  await cluster.assign(middle)
  const { sizeBytes } = await cluster.complete(middle, undefined, STEP_MS)
  return { cluster, openstack, image, middle, middleOverFlat: sizeBytes / (await stat(files.flat)).size }
}

/** Composes a disk on a node and waits until it is there. */
export async function composeOn(
  cluster: Cluster,
  node: string,
  name: string,
  body: ComposeRequest,
): Promise<Composition> {
  const client = await cluster.peerClient(node)
  const disk = { name }
  await client.compose({ params: disk, body })
  const composed = await until(
    `${name} on ${node}`,
    async () => {
      const shown = await client.showComposition({ params: disk })
      return ['done', 'failed'].includes(shown.state) ? shown : undefined
    },
    { timeoutMs: STEP_MS },
  )
  assert.equal(composed.state, 'done', JSON.stringify(composed.error))
  return composed
}
