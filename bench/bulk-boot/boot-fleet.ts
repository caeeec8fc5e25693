import { randomInt } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from '@shoal/api'
import { until } from '../../test/harness/until.ts'
import { importImage } from '../engines/import-image.ts'
import type { BootGround } from './boot-ground.ts'
import { peerSettings, seedSettings } from './fleet-settings.ts'
import { type LabServices, startLabServices } from './lab-services.ts'
import { type LibraryTake, libraryTake } from './library-take.ts'

const STEP_MS = 900_000
const POLL_MS = 200

/**
 * A seed that has read the images once and made base and middle of them, and a peer on every node, none of which has
 * any of it.
 */
export interface BootFleet extends AsyncDisposable {
  readonly client: Client
  readonly nodes: readonly string[]
  /** Of the image that is booted: base and middle. */
  readonly layers: readonly [base: string, middle: string]
  readonly layerBytes: number
  /** What the seed took from the library to make them. */
  readonly imported: LibraryTake
  /** Of a node's own API. */
  peer(node: string): Client
  /** CPU time of seed and peers so far. */
  cpuSeconds(): number
  /** Takes the layers off all nodes, which no boot and no plan may want any more. */
  empty(): Promise<void>
  /** Resolves when the image has a boot profile. */
  profiled(options: { timeoutMs: number }): Promise<void>
}

export async function openBootFleet(ground: BootGround): Promise<BootFleet> {
  await using stack = new AsyncDisposableStack()
  const { lab, images, library } = ground
  const directory = join(ground.directory, `${randomInt(1e6)}`)
  await mkdir(directory)
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  const nodes = ground.setup.peers.map(({ node }) => node)
  const services = stack.use(
    await startLabServices({
      ...{ lab, directory, seed: seedSettings(ground, directory), seedEnv: library.env },
      peers: new Map(nodes.map((node) => [node, peerSettings(ground, directory, node)])),
    }),
  )
  const { client } = services
  await warmUp(services, nodes, images.warmUp)
  const before = await libraryTake(ground)
  // First the base: what is imported after it becomes a middle on it.
  for (const image of [images.base, images.flat]) await importImage(client, image)
  const layers = await layersOf(client, images.flat)
  const imported = await libraryTake(ground, before)
  const sizes = await Promise.all(layers.map((layer) => client.showLayer({ params: { layer } })))
  const kept = stack.move()
  return {
    ...{ client, nodes, layers, imported, peer: (node) => services.peer(node) },
    cpuSeconds: () => services.cpuSeconds(),
    layerBytes: sizes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    async empty() {
      await Promise.all(nodes.map((node) => emptyNode(services.peer(node), layers)))
      // Otherwise a plan would find there what is gone.
      await until('the seed knows it', async () => {
        const shown = await Promise.all(layers.map((layer) => client.showLayer({ params: { layer } })))
        return shown.every(({ nodesComplete, nodesPartial }) => nodesComplete + nodesPartial === 0)
      })
    },
    async profiled({ timeoutMs }) {
      const params = { image: images.flat }
      await until('the image has a boot profile', async () => (await client.showBootProfile({ params })).revision > 0, {
        timeoutMs,
        everyMs: POLL_MS,
      })
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

async function layersOf(client: Client, image: string): Promise<readonly [string, string]> {
  const shown = await until(
    `the layers of ${image} are made`,
    async () => {
      const shown = await client.showImage({ params: { image } })
      return ['published', 'kept-flat', 'failed'].includes(shown.layering?.state ?? '') ? shown : undefined
    },
    { timeoutMs: STEP_MS, everyMs: POLL_MS },
  )
  const [base, middle] = shown.chain
  if (base === undefined || middle === undefined) {
    throw new Error(`no middle was made of ${image}: ${JSON.stringify(shown.layering)}`)
  }
  return [base, middle]
}

/** Daemons live for months: what code costs that was never run is not what is measured. */
async function warmUp({ client }: LabServices, nodes: readonly string[], image: string): Promise<void> {
  const { layer } = await importImage(client, image)
  if (layer === null) return
  await client.assign({ body: { layer, all: true } })
  await until(
    'every node has the small image',
    async () => (await client.showLayer({ params: { layer } })).nodesComplete === nodes.length,
    { timeoutMs: STEP_MS, everyMs: POLL_MS },
  )
}

async function emptyNode(peer: Client, [base, middle]: BootFleet['layers']): Promise<void> {
  await until(
    'a node has nothing of the layers',
    async () => {
      const { layers } = await peer.listCache()
      const left = [middle, base].filter((digest) => layers.some(({ layer }) => layer === digest))
      // Refused while somebody has them open still.
      for (const layer of left) await peer.evictLayers({ body: { layer } })
      return left.length === 0
    },
    { everyMs: POLL_MS },
  )
}
