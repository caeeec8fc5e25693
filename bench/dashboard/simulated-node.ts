import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ArrivalSample,
  type Client,
  type Flow,
  type Heartbeat,
  type LayerInventory,
  MAX_MAP_STRETCHES,
  type NodeRegistration,
} from '@shoal/api'

const WATCH_AGAIN_MS = 1000

/** How much of a layer comes from where, and why. */
const FROM = { origin: 0.02, neighbour: 0.14, rack: 0.84 } as const

export interface SimulatedLayer {
  readonly digest: string
  /** 40 hexadecimal digits. */
  readonly infoHash: string
  readonly sizeBytes: number
  readonly blocks: number
}

export interface SimulatedNodeOptions {
  readonly index: number
  readonly rack: string
  readonly zone: string
  readonly swarmAddress: string
  readonly layers: readonly SimulatedLayer[]
  /** How long it takes until it has all of them. */
  readonly fetchMs: number
  readonly boots: number
}

/** A node that talks to the seed as a peer daemon does, and moves no byte: what it tells is made up, but it changes as on a real one. */
export class SimulatedNode {
  readonly name: string
  readonly #client: Client
  readonly #options: SimulatedNodeOptions
  #startedAt = 0

  constructor(client: Client, options: SimulatedNodeOptions) {
    this.#client = client
    this.#options = options
    this.name = `node-${String(options.index).padStart(5, '0')}`
  }

  async register(): Promise<void> {
    const { index, rack, zone, swarmAddress } = this.#options
    const body: NodeRegistration = {
      ...{ zone, rack, swarmAddress },
      swarmPeerId: index.toString(16).padStart(40, '0'),
      dhtAddress: null,
      apiUrl: null,
      capacityBytes: 200 * 1024 ** 3,
      version: 'simulated',
    }
    await this.#client.registerNode({ params: { node: this.name }, body })
    this.#startedAt = Date.now()
  }

  /** Holds open the stream on which a node is told of changes, for ever. */
  async watch(): Promise<void> {
    for (;;) {
      try {
        const stream = await this.#client.watchDesired({ params: { node: this.name } })
        for await (const _ of stream);
      } catch {
        await sleep(WATCH_AGAIN_MS)
      }
    }
  }

  /** Tells an HTTP tracker that it takes part in a layer's swarm (BEP 3); how many seconds to wait until the next time. */
  async announce({ infoHash }: SimulatedLayer, announceUrl: string): Promise<number> {
    const { index, swarmAddress } = this.#options
    const peerId = index.toString(16).padStart(40, '0')
    const port = swarmAddress.slice(swarmAddress.lastIndexOf(':') + 1)
    const rest = `port=${port}&uploaded=0&downloaded=0&left=1&compact=1&numwant=30`
    const answer = await fetch(`${announceUrl}?info_hash=${percent(infoHash)}&peer_id=${percent(peerId)}&${rest}`)
    const interval = /8:intervali(\d+)e/.exec(await answer.text())?.[1]
    if (interval === undefined) throw new Error(`the tracker refused: ${answer.status}`)
    return Number(interval)
  }

  async beat(): Promise<void> {
    await this.#client.heartbeat({ params: { node: this.name }, body: this.#report() })
  }

  #report(): Heartbeat {
    const { layers, fetchMs, index, rack, zone } = this.#options
    const place = { zone, rack, neighbour: `r${Math.max(1, Number(rack.slice(1)) - 1 + 2 * (index % 2))}` }
    // Some are slower than others, and each begins anew when it was done for as long as it took: the fleet never stands still.
    const pace = 0.6 + ((index * 7919) % 100) / 100
    const round = ((Date.now() - this.#startedAt) * pace) / fetchMs
    const share = Math.min(1, round % 2)
    const held = layers.map((layer) => inventoryOf(layer, { share, index, place }))
    const rate = share < 1 ? (layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / fetchMs) * 1000 * pace : 0
    return {
      events: [],
      inventory: {
        layers: held,
        diskFreeBytes: 300 * 1024 ** 3,
        diskUsedBytes: held.reduce((sum, { presentBytes }) => sum + presentBytes, 0) + (index % 90) * 2 * 1024 ** 3,
        downBytesPerSecond: rate * (0.9 + Math.random() / 5),
        upBytesPerSecond: rate * (0.8 + Math.random() / 5),
        load1: Math.random() * 4,
        ...(rate === 0 ? {} : { flows: flowsOf(layers, rate, place), samples: [sampleOf(layers[0], index, place)] }),
        boots: Array.from({ length: this.#options.boots }, (_, boot) => bootOf(boot, this.#startedAt, share)),
      },
    }
  }
}

/** Bytes given in hexadecimal digits, as a tracker's query has them. */
function percent(hex: string): string {
  return hex.replace(/../g, '%$&')
}

interface Place {
  readonly zone: string
  readonly rack: string
  readonly neighbour: string
}

function inventoryOf(
  { digest, sizeBytes, blocks }: SimulatedLayer,
  { share, index, place: { zone, rack, neighbour } }: { share: number; index: number; place: Place },
): LayerInventory {
  const presentBytes = Math.floor(sizeBytes * share)
  return {
    digest,
    state: share >= 1 ? 'complete' : 'fetching',
    presentBytes,
    sizeBytes,
    fromOriginBytes: Math.floor(presentBytes * FROM.origin),
    fromPeersBytes: Math.floor(presentBytes * (1 - FROM.origin)),
    uploadedBytes: Math.floor(presentBytes * 0.9),
    peers: 12,
    error: null,
    arrivals: {
      racks: [
        { zone, rack, bytes: Math.floor(presentBytes * FROM.rack) },
        { zone, rack: neighbour, bytes: Math.floor(presentBytes * FROM.neighbour) },
      ],
      reasons: [
        reasonOf('origin', presentBytes * FROM.origin),
        reasonOf('near', presentBytes * FROM.rack),
        reasonOf('turn', presentBytes * FROM.neighbour),
      ],
    },
    ...(share < 1 ? { map: mapOf(Math.min(MAX_MAP_STRETCHES, blocks), share, index) } : {}),
  }
}

function reasonOf(reason: ArrivalSample['reason'], bytes: number) {
  return { reason, pieces: Math.ceil(bytes / 2 ** 18), bytes: Math.floor(bytes) }
}

function flowsOf(layers: readonly SimulatedLayer[], rate: number, { zone, rack, neighbour }: Place): Flow[] {
  const each = rate / layers.length
  return layers.flatMap(({ digest: layer }) => [
    { layer, zone, rack, isOrigin: false, bytesPerSecond: each * FROM.rack },
    { layer, zone, rack: neighbour, isOrigin: false, bytesPerSecond: each * FROM.neighbour },
    { layer, zone: '', rack: '', isOrigin: true, bytesPerSecond: each * FROM.origin },
  ])
}

function sampleOf(layer: SimulatedLayer | undefined, index: number, { zone, rack }: Place): ArrivalSample {
  const piece = Math.floor(Math.random() * (layer?.blocks ?? 1))
  const source = `node-${String(Math.floor(index / 40) * 40 + ((index + 7) % 40)).padStart(5, '0')}`
  const came = { at: new Date().toISOString(), tookMs: Math.floor(20 + Math.random() * 60), reason: 'near' as const }
  return { layer: layer?.digest ?? '', piece, bytes: 2 ** 18, source, zone, rack, isOrigin: false, ...came }
}

/** Rarest first looks like noise: each stretch has its own time. */
function mapOf(stretches: number, share: number, index: number): string {
  let map = ''
  for (let stretch = 0; stretch < stretches; stretch += 1) {
    const turn = ((stretch * 2_654_435_761 + index * 40_503) % 1000) / 1000
    map += Math.max(0, Math.min(15, Math.round((share * 1.3 - turn) * 60))).toString(16)
  }
  return map
}

function bootOf(boot: number, startedAt: number, share: number): NonNullable<Heartbeat['inventory']['boots']>[number] {
  const totalBytes = 2 * 1024 ** 3
  return {
    name: `vm-${boot}`,
    image: null,
    state: 'ready',
    problem: null,
    presentBytes: Math.floor(totalBytes * share),
    totalBytes,
    reads: {
      reads: Math.floor(share * 20_000),
      readBytes: Math.floor(share * 300 * 1024 ** 2),
      waitingReads: Math.floor(share * 400),
      onDemandBytes: Math.floor(share * 40 * 1024 ** 2),
      stalls: 0,
      longestWaitMs: 180,
      firstReadAt: new Date(startedAt + 900).toISOString(),
    },
    preparedAt: new Date(startedAt).toISOString(),
    spans: {
      openAt: new Date(startedAt + 220).toISOString(),
      firstReadAt: new Date(startedAt + 900).toISOString(),
      bootedAt: share < 0.3 ? null : new Date(startedAt + 14_000 + (startedAt % 7000)).toISOString(),
      bootedBy: share < 0.3 ? null : 'quiet',
    },
  }
}
