import { type ArrivalSample, type Flow, type Inventory, type LayerInventory, MAX_MAP_STRETCHES } from '@shoal/api'

/** How much of a layer comes from where, and why. */
const FROM = { origin: 0.02, neighbour: 0.14, rack: 0.84 } as const

export interface SimulatedLayer {
  readonly digest: string
  /** 40 hexadecimal digits. */
  readonly infoHash: string
  readonly sizeBytes: number
  readonly blocks: number
}

export interface MadeUpNode {
  readonly index: number
  readonly rack: string
  readonly zone: string
  readonly swarmAddress: string
  readonly layers: readonly SimulatedLayer[]
  /** How long it takes until it has all of them. */
  readonly fetchMs: number
  readonly boots: number
}

/** What a node reports that fetches its layers, holds them for as long as that took, and begins anew; and runs machines meanwhile. */
export function madeUpInventory(node: MadeUpNode, startedAt: number): Inventory {
  const { layers, fetchMs, index, rack, zone } = node
  const place = { zone, rack, neighbour: `r${Math.max(1, Number(rack.slice(1)) - 1 + 2 * (index % 2))}` }
  // Some are slower than others, and each begins anew when it was done for as long as it took: the fleet never stands still.
  const pace = 0.6 + ((index * 7919) % 100) / 100
  const round = ((Date.now() - startedAt) * pace) / fetchMs
  const share = Math.min(1, round % 2)
  const held = layers.map((layer) => inventoryOf(layer, { share, index, place }))
  const rate = share < 1 ? (layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / fetchMs) * 1000 * pace : 0
  return {
    layers: held,
    diskFreeBytes: 300 * 1024 ** 3,
    diskUsedBytes: held.reduce((sum, { presentBytes }) => sum + presentBytes, 0) + (index % 90) * 2 * 1024 ** 3,
    downBytesPerSecond: rate * (0.9 + Math.random() / 5),
    upBytesPerSecond: rate * (0.8 + Math.random() / 5),
    load1: Math.random() * 4,
    ...(rate === 0 ? {} : { flows: flowsOf(layers, rate, place), samples: [sampleOf(layers[0], index, place)] }),
    boots: Array.from({ length: node.boots }, (_, boot) => bootOf(boot, startedAt, share)),
  }
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

function bootOf(boot: number, startedAt: number, share: number): NonNullable<Inventory['boots']>[number] {
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
