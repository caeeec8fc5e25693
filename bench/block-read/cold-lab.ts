import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { link, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { Client } from '@shoal/api'
import { createLab, type Lab } from '../../infra/lab/lab.ts'
import { writeRandomRaw } from '../../test/harness/test-images.ts'
import { until } from '../../test/harness/until.ts'
import { PEER_API_PORT, startLabServices } from '../bulk-boot/lab-services.ts'
import { atExit } from '../engines/at-exit.ts'
import { importImage } from '../engines/import-image.ts'
import { startLibrary } from '../prefetch/lab-library.ts'
import { createSwarmSetup, labPlanOf, type SwarmSetup } from '../swarm/swarm-setup.ts'
import { peerSettings, seedSettings } from './cold-lab-settings.ts'
import type { ColdDisk } from './cold-places.ts'

const MIB = 1024 ** 2
/** Of every link, each way, with all headers. */
export const LINK_BYTES_PER_SECOND = 50e6
const NODES = 4
const WARM_UP_MIB = 8
const STEP_MS = 300_000
const POLL_MS = 100
const ROUND_TRIPS = 50

/** A swarm of which all nodes but one have two layers. */
export interface ColdLab extends AsyncDisposable {
  readonly lab: Lab
  readonly setup: SwarmSetup
  /** Of the seed's API. */
  readonly client: Client
  /** The node that has none of them. */
  readonly reader: {
    readonly node: string
    readonly client: Client
    layerFile(layer: string): string
  }
  readonly disk: ColdDisk
  readonly other: ColdDisk
  readonly cores: number
  /** Of a TCP connection over the node's link, the median. */
  readonly roundTripMs: number
  /** Takes both layers off the node again. */
  empty(): Promise<void>
}

export interface ColdLabSize {
  readonly diskMib: number
  readonly otherMib: number
}

export async function openColdLab(size: ColdLabSize): Promise<ColdLab> {
  await using stack = new AsyncDisposableStack()
  // Short, since names of sockets below it are bounded (unix(7)); in memory, so that no disk is measured.
  const directory = await mkdtemp('/dev/shm/cold-')
  const forget = atExit(() => rmSync(directory, { recursive: true, force: true }))
  stack.defer(async () => {
    await rm(directory, { recursive: true, force: true })
    forget()
  })
  const setup = createSwarmSetup({
    ...{ case: 'flat', nodes: NODES, sizeBytes: size.diskMib * MIB, bytesPerSecond: LINK_BYTES_PER_SECOND },
  })
  const plan = labPlanOf(setup)
  const lab = stack.use(await createLab({ ...plan, prefix: 'cold', core: [...(plan.core ?? []), { name: 'library' }] }))
  const images = join(directory, 'images')
  await mkdir(images)
  const library = stack.use(await startLibrary(lab.host('library'), images))
  const nodes = setup.peers.map(({ node }) => node)
  const services = stack.use(
    await startLabServices({
      ...{ lab, directory, seedEnv: {} },
      seed: seedSettings({ lab, directory, libraryUrl: library.url }),
      peers: new Map(nodes.map((node) => [node, peerSettings({ lab, directory, node })])),
    }),
  )
  const { client } = services
  let written = 0
  const publish = async (name: string, mib: number): Promise<ColdDisk> => {
    const file = join(directory, `${name}.raw`)
    written += 1
    await writeRandomRaw(file, mib * MIB, written)
    // Only now: the library shows what is in its directory, also half of a file.
    await link(file, join(images, `${name}.raw`))
    await rm(file)
    return importDisk(client, (await library.imageUrl(name)).split('/').at(-2) ?? '')
  }
  const spread = async ({ layer }: ColdDisk, to: readonly string[]) => {
    await client.assign({ body: { layer, nodes: [...to] } })
    await until(
      'nodes have a layer',
      async () => (await client.showLayer({ params: { layer } })).nodesComplete === to.length,
      { timeoutMs: STEP_MS, everyMs: POLL_MS },
    )
  }
  // Daemons live for months: what code costs that was never run is not what is measured.
  await spread(await publish('warm-up', WARM_UP_MIB), nodes)
  const [reader = '', ...holders] = nodes
  const disk = await publish('disk', size.diskMib)
  const other = await publish('other', size.otherMib)
  await spread(disk, holders)
  await spread(other, holders)
  const peer = services.peer(reader)
  const layerFile = (layer: string) =>
    join(directory, reader, 'layers', 'layers', layer.slice('sha256:'.length), 'disk')
  const roundTripMs = await measureRoundTrip(lab.address(reader))
  const kept = stack.move()
  return {
    ...{
      roundTripMs,
      lab,
      setup,
      client,
      disk,
      other,
      cores: cpus().length,
      reader: { node: reader, client: peer, layerFile },
    },
    async empty() {
      await client.unassign({ body: { layer: other.layer, nodes: [reader] } })
      await until(
        'the node has nothing of them',
        async () => {
          const { layers } = await peer.listCache()
          const left = [disk, other].filter((one) => layers.some(({ layer }) => layer === one.layer))
          for (const { layer } of left) await peer.evictLayers({ body: { layer } })
          return left.length === 0
        },
        { everyMs: POLL_MS },
      )
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

async function measureRoundTrip(host: string): Promise<number> {
  const times: number[] = []
  while (times.length < ROUND_TRIPS) {
    const begin = performance.now()
    const socket = connect({ host, port: PEER_API_PORT })
    await once(socket, 'connect')
    times.push(performance.now() - begin)
    socket.destroy()
  }
  times.sort((one, other) => one - other)
  return Math.round((times[ROUND_TRIPS / 2] ?? Number.NaN) * 100) / 100
}

async function importDisk(client: Client, image: string): Promise<ColdDisk> {
  const { layer } = await importImage(client, image)
  const { sizeBytes, blockLengthBytes } = await client.showLayer({ params: { layer } })
  return { layer, sizeBytes, blockLengthBytes }
}
